package wan4j;

/// Which wan4j this is.
public final class Version {
  /// The number of the version.
  public static final String NUMBER = "0.1.0";

  private Version() {}
}
