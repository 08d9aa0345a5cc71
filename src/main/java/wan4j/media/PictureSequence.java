package wan4j.media;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;

/// Reads a video that lies as pictures: those of a folder in the order of their names, or one.
public final class PictureSequence {
  private static final List<String> ENDINGS = List.of(".png", ".jpg", ".jpeg", ".webp");

  private PictureSequence() {}

  /// Says whether a path names pictures: a folder, or a file with a picture's ending.
  public static boolean recognises(Path path) {
    return Files.isDirectory(path) || isPicture(path);
  }

  /// Returns the pictures as unsigned bytes `[frames, height, width, 3]`; throws `InputException`
  /// when there is none, one is broken, or their sizes differ.
  public static Tensor read(Path path) {
    return read(path, PictureReader.Orientation.APPLY);
  }

  /// Returns them turned upright or as they are stored; throws as [#read(Path)] does.
  public static Tensor read(Path path, PictureReader.Orientation orientation) {
    List<Path> files = Files.isDirectory(path) ? pictures(path) : List.of(path);
    if (files.isEmpty()) {
      throw new InputException(
          "%s holds no picture; give a folder of PNG, JPEG or WebP files".formatted(path));
    }
    Picture first = PictureReader.read(files.getFirst(), orientation, _ -> {});
    Tensor frames = FrameConversion.frames(files.size(), first.height(), first.width());
    for (int i = 0; i < files.size(); i++) {
      Picture picture = i == 0 ? first : PictureReader.read(files.get(i), orientation, _ -> {});
      if (picture.width() != first.width() || picture.height() != first.height()) {
        throw new InputException(
            "%s is %dx%d pixels, but the pictures before it are %dx%d; give pictures of one size"
                .formatted(
                    files.get(i),
                    picture.width(),
                    picture.height(),
                    first.width(),
                    first.height()));
      }
      picture.copyTo(frames.at(i).segment());
    }
    return frames;
  }

  private static List<Path> pictures(Path folder) {
    try (Stream<Path> list = Files.list(folder)) {
      return list.filter(PictureSequence::isPicture).sorted().toList();
    } catch (IOException e) {
      throw new InputException(
          "%s cannot be listed (%s); check its permissions".formatted(folder, e.getMessage()), e);
    }
  }

  private static boolean isPicture(Path file) {
    String name = file.toString().toLowerCase(Locale.ROOT);
    return ENDINGS.stream().anyMatch(name::endsWith);
  }
}
