import Evaluation
import Foundation
import Tensors

extension ReportedRun {
  /// What the teacher of a run's ablation said of the records that its student is scored on.
  ///
  /// The ablation keeps a set of answers for each fold that it scores, and for each teacher it had.
  /// - Parameters:
  ///   - run: its folder.
  ///   - answers: of the student.
  ///   - classes: to which probabilities belong, in their order.
  ///   - problems: gets a sentence for each set that is damaged.
  /// - Returns: nil where no set is about these records, or several are: which is the run's teacher's cannot be told then.
  static func ablationTeacher(
    of run: URL, about answers: [KeptAnswer], classes: [String], _ problems: inout [String]
  ) -> [KeptAnswer]? {
    guard let ablation = ablation(of: run) else { return nil }
    let home = ablation.appendingPathComponent(RunFile.teacherAnswers)
    let names = (try? FileManager.default.contentsOfDirectory(atPath: home.path)) ?? []
    let truth = Dictionary(answers.map { ($0.id, $0.gold) }, uniquingKeysWith: { first, _ in first })
    var found: [[KeptAnswer]] = []
    for folder in names.sorted().map(home.appendingPathComponent) where AblationAnswers.exist(in: folder) {
      do {
        let said = try AblationAnswers(in: folder)
        guard Dictionary(said.answers.map { ($0.id, $0.truth) }, uniquingKeysWith: { first, _ in first }) == truth
        else { continue }
        found.append(try said.kept(classes: classes))
      } catch {
        problems.append(
          "The teacher's answers in \(folder.path) are damaged and are left out: "
            + UserError.message(of: error))
      }
    }
    return found.count == 1 ? found[0] : nil
  }

  /// The folder of the ablation that a run lies in.
  private static func ablation(of run: URL) -> URL? {
    var folder = run.standardizedFileURL.deletingLastPathComponent()
    while folder.pathComponents.count > 1 {
      if ReportedAblation.isAblation(folder) { return folder }
      folder.deleteLastPathComponent()
    }
    return nil
  }
}
