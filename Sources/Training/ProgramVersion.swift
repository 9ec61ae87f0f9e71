/// Which version of evl-dist this is.
public enum ProgramVersion {
  public static let text = "0.1"
}
