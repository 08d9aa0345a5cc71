package wan4j.preprocess;

import wan4j.media.Picture;

/// Where the masks of a video's person come from.
interface MaskSource extends AutoCloseable {
  /// Returns the mask of frame `number` of the driving video, of the size of `picture`, which shows
  /// it, and in which the points were found. Numbers never fall.
  Bitmap mask(int number, Picture picture, Pose pose);

  /// Says whether masks take so long that they are kept for `--resume`.
  boolean isSlow();

  @Override
  void close();
}
