package wan4j;

/// Whether networks leave a device's memory when they have done their part of a request.
public enum Offload {
  /// They do, so that a request needs the least memory; the next one loads them again.
  ALWAYS,
  /// They stay.
  NEVER,
  /// On a GPU they stay where all of them fit beside each other, else they do; on processors they
  /// do.
  WHERE_NEEDED;

  /// Returns the choice of a caller who knows whether networks leave memory.
  public static Offload of(boolean offloads) {
    return offloads ? ALWAYS : NEVER;
  }
}
