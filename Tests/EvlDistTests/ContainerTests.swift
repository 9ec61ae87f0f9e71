import Foundation
import TestSupport
import Testing

/// The recipes of launch/container, as far as they can be held against this machine: no container is built.
@Suite struct ContainerTests {
  private func recipe(_ name: String) throws -> String {
    try String(contentsOfFile: MPIRun.script("container/\(name)"), encoding: .utf8)
  }

  /// What the last `apt-get install` of a recipe names.
  private func packages(_ name: String) throws -> Set<String> {
    let install = try #require(recipe(name).components(separatedBy: "--no-install-recommends \\\n").last)
    let lines = install.components(separatedBy: "\n").prefix { !$0.contains("rm -rf") }
    return Set(lines.joined(separator: " ").split(separator: " ").map(String.init).filter { $0 != "\\" })
  }

  @Test func bothBuildWithWhatIsNeededOutside() throws {
    for name in ["Dockerfile", "evl-dist.def"] {
      let text = try recipe(name)
      #expect(text.contains("launch/install-dependencies\n") && text.contains("cmake --install /build"), "\(name)")
      #expect(text.contains("swift:6.1-bookworm") && text.contains("debian:bookworm-slim"), "\(name)")
    }
    #expect(try packages("Dockerfile").subtracting(packages("evl-dist.def")) == ["openssh-server", "procps"])
    #expect(try packages("evl-dist.def").isSubset(of: packages("Dockerfile")))
  }

  /// The libraries that the program names, by the packages they come from here.
  @Test func theyHoldThePackagesOfTheLibrariesThatTheProgramIsLinkedTo() throws {
    let system = try String(contentsOfFile: "/etc/os-release", encoding: .utf8)
    guard system.contains("VERSION_CODENAME=bookworm") else {
      print("skipped: packages have the names of Debian 12")
      return
    }
    // Swift's own libraries come with the program and belong to no package.
    let owners = """
      readelf -d "$1" | sed -n 's/.*(NEEDED).*\\[\\(.*\\)\\]/\\1/p' | while read -r name; do
        file="$(ldd "$1" | awk -v name="$name" '$1 == name { print $3 }')"
        if [ -n "$file" ]; then dpkg -S "$(realpath "$file")" 2>/dev/null | cut -d : -f 1; fi
      done
      """
    let needed = Set(try MPIRun.run(command: ["bash", "-c", owners, "bash", MPIRun.program("evl-dist").path]).lines)
    #expect(needed.count > 6, "\(needed)")
    let missing = try needed.subtracting(packages("evl-dist.def")).subtracting(["libc6"])
    #expect(missing.isEmpty, "\(missing)")
  }
}
