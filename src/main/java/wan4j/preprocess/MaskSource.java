package wan4j.preprocess;

import java.nio.file.Path;
import java.util.List;
import wan4j.media.Picture;

/// Where the masks of a video's person come from.
interface MaskSource extends AutoCloseable {
  /// Returns the mask of frame `number` of the driving video, of the size of `picture`, which shows
  /// it, and in which the points were found. Numbers never fall.
  Bitmap mask(int number, Picture picture, Pose pose);

  /// Returns the files of the networks that make the masks, which are then kept for `--resume`;
  /// none where they are read.
  List<Path> networks();

  @Override
  void close();
}
