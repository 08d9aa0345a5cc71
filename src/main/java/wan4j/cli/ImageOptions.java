package wan4j.cli;

import java.nio.file.Path;
import java.util.Locale;
import java.util.function.Consumer;
import picocli.CommandLine.Option;
import wan4j.media.Picture;
import wan4j.media.PictureReader;
import wan4j.media.PictureReader.Orientation;
import wan4j.tensor.InputException;

/// The flags of the picture that a video begins with.
final class ImageOptions {
  @Option(names = "--image", description = "The picture that the video begins with.")
  private Path image;

  @Option(
      names = "--last_image",
      description = "The picture that the video ends with, beside --image (i2v-A14B).")
  private Path lastImage;

  @Option(
      names = "--exif",
      description =
          "What becomes of a camera's orientation mark: apply turns the picture upright, ignore"
              + " leaves it as it is stored, as the reference does (default: apply).")
  private String exif;

  /// Reads the picture, or returns null for none; what was done to it is told to `notes`. Throws
  /// `InputException` when it cannot be read or the flags do not fit.
  Picture picture(Consumer<String> notes) {
    if (image == null) {
      if (lastImage != null) {
        throw new InputException(
            "--last_image was given without a first picture; add --image, or leave it out");
      }
      if (exif != null) {
        throw new InputException("--exif was given without a picture; add --image");
      }
      return null;
    }
    return PictureReader.read(image, orientation(exif), notes);
  }

  /// Reads the picture that the video ends with, or returns null for none, as [#picture] does.
  Picture last(Consumer<String> notes) {
    return lastImage == null ? null : PictureReader.read(lastImage, orientation(exif), notes);
  }

  /// Returns what `--exif` says, or null means; throws `InputException` for other words.
  static Orientation orientation(String exif) {
    return switch (exif == null ? "apply" : exif.toLowerCase(Locale.ROOT)) {
      case "apply" -> Orientation.APPLY;
      case "ignore" -> Orientation.IGNORE;
      default ->
          throw new InputException("--exif got \"%s\"; give apply or ignore".formatted(exif));
    };
  }
}
