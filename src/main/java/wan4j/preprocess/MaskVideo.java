package wan4j.preprocess;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import wan4j.media.OpenCvResize;
import wan4j.media.Picture;
import wan4j.media.Sizing.Size;
import wan4j.media.VideoReader;
import wan4j.media.VideoTimes;
import wan4j.tensor.InputException;

/// Masks from a video of the user's, white where the person is: as many frames as the driving video
/// has, of its size or of that of the frames that are made of it.
final class MaskVideo implements MaskSource {
  private static final int MOST_APART = 2; // frames

  private final VideoReader reader;
  private final Size size;
  private int number = -1;
  private Picture picture;

  private MaskVideo(VideoReader reader, Size size) {
    this.reader = reader;
    this.size = size;
  }

  /// Opens the masks of a driving video whose frames are brought to a size; throws `InputException`
  /// when they are broken or do not belong to it.
  static MaskVideo open(Path file, Path video, VideoTimes driving, Size size) {
    VideoTimes masks = VideoTimes.of(file);
    boolean isSame = masks.width() == driving.width() && masks.height() == driving.height();
    boolean isReady = masks.width() == size.width() && masks.height() == size.height();
    if (!isSame && !isReady) {
      throw new InputException(
          "--mask_video got %s of %dx%d, but %s is %dx%d; give masks of that size, or of the %dx%d that it is brought to"
              .formatted(
                  file,
                  masks.width(),
                  masks.height(),
                  video,
                  driving.width(),
                  driving.height(),
                  size.width(),
                  size.height()));
    }
    if (Math.abs(masks.count() - driving.count()) > MOST_APART) {
      throw new InputException(
          "--mask_video got %s with %d frames, but %s has %d; give a mask for each frame"
              .formatted(file, masks.count(), video, driving.count()));
    }
    return new MaskVideo(VideoReader.open(file), size);
  }

  @Override
  public Bitmap mask(int wanted, Picture frame, Pose pose) {
    while (number < wanted) {
      Optional<Picture> next = reader.next();
      picture = next.orElse(picture); // the last one stays where the driving video is longer
      number++;
    }
    boolean isReady = picture.width() == size.width() && picture.height() == size.height();
    return Bitmap.of(isReady ? picture : OpenCvResize.fit(picture, size));
  }

  @Override
  public List<Path> networks() {
    return List.of();
  }

  @Override
  public void close() {
    reader.close();
  }
}
