package wan4j.media.picture;

/// One component of a picture, perhaps at a lower resolution.
public final class Plane {
  public final int width;
  public final int height;
  private final byte[] values;

  /// Creates a plane over the given bytes themselves, row by row.
  public Plane(int width, int height, byte[] values) {
    this.width = width;
    this.height = height;
    this.values = values;
  }

  /// Returns a value; rows beyond an edge repeat the last.
  public int at(int x, int y) {
    return values[Math.clamp(y, 0, height - 1) * width + x] & 0xFF;
  }
}
