// Made by expected_values.py with scikit-learn 1.9.1, Python 3.11.7. Do not edit.
@testable import Evaluation

enum Expected {
  struct AUC { var seed: Int, count: Int, levels: Int, permille: Int, value: Double? }
  struct Labels {
    var seed: Int, count: Int, width: Int, permille: Int, auc: [Double?], macroAUC: Double?, f1: [Double],
      macroF1: Double, hamming: Double, exact: Double
  }
  struct Published { var seed: Int, count: Int, width: Int, kept: Int, balanced: Double?, f1: Double, hamming: Double }
  struct Words { var seed: UInt64, first: [UInt32], last: [UInt32] }
  struct Overlap { var seed: Int, longest: Int, rougeL: Double, tokenF1: Double }
  static let auc: [AUC] = [
    AUC(seed: 1, count: 50, levels: 1000, permille: 500, value: 0.5625),
    AUC(seed: 2, count: 200, levels: 5, permille: 300, value: 0.49197195838986885),
    AUC(seed: 3, count: 333, levels: 2, permille: 120, value: 0.4557017543859649),
    AUC(seed: 4, count: 333, levels: 100000, permille: 50, value: 0.44452717795979146),
    AUC(seed: 5, count: 40, levels: 1, permille: 500, value: 0.5),
    AUC(seed: 6, count: 30, levels: 50, permille: 0, value: nil),
    AUC(seed: 7, count: 30, levels: 50, permille: 1000, value: nil),
    AUC(seed: 8, count: 2, levels: 10, permille: 500, value: 0.5),
    AUC(seed: 9, count: 1000, levels: 20, permille: 10, value: 0.4311336717428088),
    AUC(seed: 10, count: 1, levels: 3, permille: 500, value: nil),
  ]
  static let labels: [Labels] = [
    Labels(
      seed: 11, count: 60, width: 5, permille: 300,
      auc: [0.4384404924760602, 0.5925925925925926, 0.541267942583732, 0.44531250000000006, 0.41005291005291006],
      macroAUC: 0.485533287541059,
      f1: [0.3111111111111111, 0.5106382978723404, 0.4166666666666667, 0.3673469387755102, 0.3333333333333333],
      macroF1: 0.3878192695517923, hamming: 0.49666666666666665, exact: 0.016666666666666666),
    Labels(
      seed: 12, count: 333, width: 6, permille: 60,
      auc: [
        0.42529665587918014, 0.4980454206999255, 0.39612807148175727, 0.45868786386027777, 0.5693681318681318,
        0.6247276688453159,
      ], macroAUC: 0.49537563543909807,
      f1: [
        0.11834319526627218, 0.0963855421686747, 0.04371584699453552, 0.06936416184971098, 0.14814814814814814,
        0.20408163265306123,
      ], macroF1: 0.11333975451340046, hamming: 0.47647647647647645, exact: 0.03003003003003003),
    Labels(
      seed: 13, count: 5, width: 4, permille: 100, auc: [nil, nil, nil, nil], macroAUC: nil, f1: [0.0, 0.0, 0.0, 0.0],
      macroF1: 0.0, hamming: 0.35, exact: 0.0),
    Labels(
      seed: 14, count: 40, width: 3, permille: 1000, auc: [nil, nil, nil], macroAUC: nil,
      f1: [0.7301587301587301, 0.5964912280701754, 0.7301587301587301], macroF1: 0.6856028961292119, hamming: 0.475,
      exact: 0.2),
    Labels(
      seed: 15, count: 1, width: 5, permille: 400, auc: [nil, nil, nil, nil, nil], macroAUC: nil,
      f1: [0.0, 0.0, 0.0, 0.0, 0.0], macroF1: 0.0, hamming: 0.6, exact: 0.0),
  ]
  static let published: [Published] = [
    Published(
      seed: 21, count: 80, width: 5, kept: 5, balanced: 0.5373222384023298, f1: 0.39868386953033436, hamming: 0.4275),
    Published(
      seed: 22, count: 40, width: 5, kept: 3, balanced: 0.5610119047619048, f1: 0.4608504018667358, hamming: 0.425),
    Published(seed: 23, count: 30, width: 1, kept: 1, balanced: 0.2777777777777778, f1: 0.4, hamming: 0.7),
    Published(
      seed: 24, count: 300, width: 6, kept: 6, balanced: 0.5088739284858886, f1: 0.366602090471595,
      hamming: 0.45166666666666666),
    Published(
      seed: 25, count: 3, width: 4, kept: 4, balanced: 0.5833333333333334, f1: 0.38888888888888884,
      hamming: 0.4444444444444444),
  ]
  static let words: [Words] = [
    Words(seed: 0, first: [3626764237, 1654615998, 3255389356, 3823568514], last: [1384956481, 3579999110]),
    Words(seed: 1, first: [577090037, 2444712010, 3639700191, 3445702192], last: [136407909, 3348972608]),
    Words(seed: 42, first: [2746317213, 478163327, 107420369, 3184935163], last: [1716605598, 2918508077]),
    Words(seed: 4294967295, first: [2728839433, 2661025012, 872737089, 924893097], last: [1614424826, 1534215042]),
    Words(
      seed: 1099511627783, first: [2635837658, 3209733218, 3500038837, 4028389051], last: [2793905215, 749572831]),
    Words(
      seed: 18446744073709551615, first: [93740670, 1068495656, 1452108352, 2657516307], last: [279694691, 3868817262]),
  ]
  static let overlap: [Overlap] = [
    Overlap(seed: 31, longest: 8, rougeL: 0.2, tokenF1: 0.2),
    Overlap(seed: 32, longest: 30, rougeL: 0.2857142857142857, tokenF1: 0.2857142857142857),
    Overlap(seed: 33, longest: 60, rougeL: 0.3157894736842105, tokenF1: 0.3157894736842105),
    Overlap(seed: 34, longest: 3, rougeL: 0.0, tokenF1: 0.0),
    Overlap(seed: 35, longest: 20, rougeL: 0.3448275862068966, tokenF1: 0.4827586206896552),
  ]
  static let letters: [(String, String?)] = [
    ("A", "A"),
    ("H", "H"),
    ("I", nil),
    ("a", nil),
    ("", nil),
    (" B", nil),
    ("B ", nil),
    ("The correct option is C. Left axis deviation", "C"),
    ("The ECG. So B. it is", "B"),
    ("The correct option is E", "E"),
    ("The correct option is e", nil),
    ("The correct option is (C)", nil),
    ("Answer: D", "D"),
    ("answer: D", nil),
    ("Answer: the rhythm, C", "C"),
    ("Answer: BAD", "A"),
    ("Answer: 42", nil),
    ("A.B.C.", "A"),
    ("C. B. A", "B"),
    ("Answer:", nil),
    ("Answer: A Answer: none here", nil),
    ("The correct option is F Answer: A", "F"),
    ("The correct option is ? Answer: A", nil),
    ("é. Answer: H", "H"),
    ("CD.", "D"),
    ("V1-V6 and I.", nil),
    ("The correct option is B, not The correct option is G", "G"),
    ("no letter at all", nil),
    ("Answer: \nH\n", "H"),
    ("Ǵ.", nil),
  ]
  static let choicesOfFour = "AACBBBAADAAABBABDBDCABDCCBBCAADACCCADADACCBAABCABADCDCBCCBCA"
  static let choicesOfEight = "CDCHGEDFADAFGEBDFDHGHCECDEGGFDCHBABCCGBGGHEABEFBEGCHAECBEDCF"
  static let choicesBelow = [
    0, 0, 2, 2, 3, 0, 0, 5, 4, 3, 0, 3, 9, 1, 1, 15, 2, 17, 4, 4, 15, 17, 5, 8, 16, 19, 13, 6, 17, 24, 23, 12, 19, 25,
    23, 28, 33, 28, 7,
  ]
  static let quantiles: [(Double, Double)] = [
    (0.0, 0.025), (0.025, 0.0421), (0.3333, 0.2972256), (0.5, 0.5085), (0.975, 0.9649), (1.0, 0.981),
  ]
  static let fold9 = (records: 333, labelled: 322)
  static let allNORM = ECGBenchLabelScore(
    balancedAccuracy: 0.5, macroF1: 0.13054393305439332, hammingLoss: 0.26149068322981367)
  static let allFive = ECGBenchLabelScore(
    balancedAccuracy: 0.5, macroF1: 0.3924596466625955, hammingLoss: 0.7447204968944099)
  static let empty = ECGBenchLabelScore(balancedAccuracy: 0.5, macroF1: 0.0, hammingLoss: 0.25527950310559006)
  static let gold = ECGBenchLabelScore(balancedAccuracy: 1.0, macroF1: 1.0, hammingLoss: 0.0)
}
