extension DefaultScorer.Vocabulary {
  /// Findings that reports of ECGs state, by the codes of SCP-ECG as PTB-XL has them, in the words of its reports (English,
  /// German, Swedish) and of `scp_statements.csv`.
  ///
  /// What one code holds that reports seldom tell apart is one label: MI of any place, ISC of any place, ST and T changes
  /// that are called unspecific. A finding counts as stated however sure the report is of it ("possible", "cannot be
  /// excluded").
  static let reportStatements: DefaultScorer.Vocabulary = {
    var vocabulary = DefaultScorer.Vocabulary(rhythms + conduction + morphology + repolarisation)
    vocabulary.furtherNegators = ["kein", "keine", "keinen", "keiner", "ohne", "ingen", "inga", "inget", "utan"]
    // German and Swedish reports run on without full stops.
    vocabulary.reach = 4
    return vocabulary
  }()

  private static let rhythms: [Entry] = [
    Entry("SR", ["sinus rhythm", "sinusrhythmus", "sinusrytm"]),
    Entry("STACH", ["sinus tachycardia", "sinustachykardie", "sinustachykardi"]),
    Entry("SBRAD", ["sinus bradycardia", "sinusbradykardie", "sinusbradykardi"]),
    Entry(
      "SARRH", ["sinus arrhythmia", "sinus arrhythmie", "sinusarrhythmie", "sinus arytmi", "sinusarytmi"]),
    Entry(
      "AFIB", ["AFIB", "atrial fibrillation", "vorhofflimmern", "vorhofflimmern/-flattern", "förmaksflimmer"]),
    Entry("AFLT", ["atrial flutter", "vorhofflattern", "förmaksfladder"]),
    Entry(
      "SVARR", ["supraventricular arrhythmia", "supraventrikuläre arrhythmie", "supraventrikulär arytmi"]),
    Entry(
      "SVTAC", ["supraventricular tachycardia", "supraventrikuläre tachykardie", "supraventrikulär takykardi"]),
    Entry(
      "PVC",
      [
        "PVC", "premature ventricular contraction", "premature ventricular contractions",
        "premature ventricular complex",
        "ventricular premature complex", "ventricular premature complexes", "ventricular extrasystole",
        "ventricular extrasystoles", "ventricular ectopics", "ventrikuläre extrasystole", "ventrikuläre extrasystolen",
        "ventrikulär extrasystoli", "ventrikulär(a) extrasystoli(er)",
      ]),
    Entry(
      "PAC",
      [
        "PAC", "premature atrial contraction", "premature atrial contractions", "atrial premature complex",
        "atrial premature complexes", "atrial premature contractions", "supraventricular extrasystole",
        "supraventricular extrasystoles", "supraventrikuläre extrasystole", "supraventrikuläre extrasystolen",
        "supraventrikulär(a) extrasystoli(er)",
      ]),
    Entry("BIGU", ["bigeminy", "bigeminal pattern", "bigeminus", "bigemini"]),
    Entry("TRIGU", ["trigeminy", "trigeminal pattern", "trigeminus", "trigemini"]),
    Entry("PACE", ["pacemaker", "paced rhythm", "schrittmacher", "schrittmacher-ekg"]),
  ]

  private static let conduction: [Entry] = [
    Entry(
      "1AVB",
      [
        "first degree AV block", "first-degree AV block", "1st degree AV block", "AV block I", "A-V block I",
        "AV-block I", "AV-block 1", "prolonged PR interval", "PR interval is prolonged", "pq-verlängerung",
      ]),
    Entry(
      "2AVB",
      ["second degree AV block", "second-degree AV block", "2nd degree AV block", "AV block II", "A-V block II"]),
    Entry(
      "3AVB",
      ["third degree AV block", "third-degree AV block", "complete heart block", "AV block III", "A-V block III"]),
    Entry(
      "CLBBB",
      [
        "left bundle branch block", "LBBB", "linksschenkelblock", "vänstersidigt skänkelblock",
      ]),
    Entry(
      "ILBBB",
      [
        "ILBBB", "incomplete left bundle branch block", "unvollständiger linksschenkelblock",
        "inkompletter linksschenkelblock",
        "inkomplett vänstersidigt skänkelblock",
      ]),
    Entry("CRBBB", ["right bundle branch block", "RBBB", "rechtsschenkelblock", "högersidigt skänkelblock"]),
    Entry(
      "IRBBB",
      [
        "IRBBB", "incomplete right bundle branch block", "unvollständiger rechtsschenkelblock",
        "inkompletter rechtsschenkelblock", "inkomplett högersidigt skänkelblock",
      ]),
    Entry(
      "LAFB",
      [
        "LAFB", "left anterior fascicular block", "left anterior hemiblock", "linksanteriorer hemiblock",
        "vänster anteriort hemiblock",
      ]),
    Entry(
      "LPFB",
      [
        "LPFB", "left posterior fascicular block", "left posterior hemiblock", "linksposteriorer hemiblock",
        "vänster posteriort hemiblock",
      ]),
    Entry(
      "IVCD",
      [
        "intraventricular block", "intraventricular delay", "intraventricular conduction delay",
        "intraventricular conduction disturbance", "intraventrikulärer block", "intraventrikuläre leitungsstörung",
        "intraventrikulärt block", "ospecifikt inkomplett skänkelblock",
      ]),
    Entry("WPW", ["WPW", "Wolff-Parkinson-White", "Wolf-Parkinson-White", "pre-excitation", "präexzitation"]),
  ]

  private static let morphology: [Entry] = [
    Entry("NORM", ["normal ECG", "normales EKG", "normalt EKG", "EKG normal"]),
    Entry(
      "MI",
      [
        "myocardial infarction", "infarction", "infarct", "infarkt", "myokardinfarkt", "vorderwandinfarkt",
        "hinterwandinfarkt", "myokardschaden",
      ]),
    Entry("QWAVE", ["q waves", "q wave", "qs complexes"]),
    Entry(
      "LVH",
      [
        "LVH", "left ventricular hypertrophy", "LV hypertrophy", "linkshypertrophie", "linksventrikuläre hypertrophie",
        "vänster kammarhypertrofi", "vänsterkammarhypertrofi",
      ]),
    Entry(
      "RVH",
      [
        "RVH", "right ventricular hypertrophy", "RV hypertrophy", "rechtshypertrophie",
        "rechtsventrikuläre hypertrophie",
        "höger kammarhypertrofi", "högerkammarhypertrofi",
      ]),
    Entry(
      "LAO/LAE",
      [
        "left atrial enlargement", "left atrial overload", "left atrial overload/enlargement", "p-sinistrocardiale",
        "p-sinistroatriale", "vänster förmaksförstoring",
      ]),
    Entry(
      "RAO/RAE",
      [
        "right atrial enlargement", "right atrial overload", "right atrial overload/enlargement", "p-dextrocardiale",
        "p-dextroatriale", "p-pulmonale",
      ]),
    Entry(
      "LVOLT",
      [
        "low limb lead voltage", "low voltage", "low voltages", "low QRS voltage", "low QRS voltages", "niederspannung",
        "låga qrs amplituder",
      ]),
  ]

  private static let repolarisation: [Entry] = [
    Entry(
      "ISC",
      [
        "ischaemia", "ischemia", "ischaemic", "ischemic", "ischämie", "ischämisch", "ischemi", "myokardischämie",
      ]),
    Entry(
      "STD",
      [
        "ST depression", "ST-depression", "ST segment depression", "ST-segment depression",
        "ST segments are depressed", "st-senkung", "st-t sänkning", "st-sänkning",
      ]),
    Entry(
      "STE",
      [
        "ST elevation", "ST-elevation", "ST segment elevation", "ST-segment elevation", "ST segments are elevated",
        "st-hebung", "st-höjning",
      ]),
    Entry(
      "INVT",
      [
        "T waves are inverted", "T waves inverted", "inverted T waves", "T wave inversion", "T-wave inversion",
        "t-negativierung",
      ]),
    Entry(
      "LOWT",
      [
        "T waves are low", "T waves are flat", "T wave flattening", "T-wave flattening", "low amplitude T-waves",
        "low amplitude T waves",
      ]),
    Entry(
      "NST",
      [
        "non-specific ST-T changes", "non-specific ST-T wave changes", "non-specific ST changes",
        "non-specific T-wave changes", "non-specific T wave changes", "non-diagnostic T abnormalities", "ST & T abnorm",
        "ST & T abnormal", "ST & T abnormality", "unspezifisches abnormes T", "unspezifisches abnormales T", "T abnorm",
        "T abnormal", "ospecifik t-förändring", "t-förändring",
      ]),
    Entry(
      "LNGQT", ["prolonged QT", "long QT", "long QT-interval", "QT prolongation", "qt-verlängerung", "QT förlängd"]),
    Entry("DIG", ["digitalis", "digitalis effect", "digitalis-effect", "digoxin effect"]),
  ]
}
