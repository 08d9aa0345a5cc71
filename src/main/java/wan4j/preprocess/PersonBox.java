package wan4j.preprocess;

/// Where a person is in a picture, in pixels, and how sure the detector is.
record PersonBox(double left, double top, double right, double bottom, double score) {
  double width() {
    return right - left;
  }

  double height() {
    return bottom - top;
  }

  double area() {
    return width() * height();
  }

  double longerSide() {
    return Math.max(width(), height());
  }

  /// Says whether nothing can be cut out by it: it has no score, or a side shorter than `least`.
  boolean isUnusable(double least) {
    return !(score > 0) || width() < least || height() < least;
  }
}
