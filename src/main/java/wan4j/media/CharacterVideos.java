package wan4j.media;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import wan4j.files.InputFile;
import wan4j.tensor.InputException;

/// The pictures and videos that a character is animated by, in the names that the reference's
/// preprocessing gives them (Wan-Video/Wan2.2 at 42bf4cf, wan/animate.py).
///
/// @param picture the character
/// @param pose drawn poses, which give the video its size, length and rate
/// @param faces the driving face in each frame, square
/// @param background what stays of the driving video; null where no character is replaced
/// @param mask white where the character is replaced; null as the background is
/// @param sound the driving video's, of no samples where there is none
public record CharacterVideos(
    Picture picture,
    FrameSource pose,
    FrameSource faces,
    FrameSource background,
    FrameSource mask,
    Sound sound) {
  /// The name of the character's picture.
  public static final String PICTURE = "src_ref.png";

  private static final String POSE = "src_pose.mp4";
  private static final String FACES = "src_face.mp4";
  private static final String BACKGROUND = "src_bg.mp4";
  private static final String MASK = "src_mask.mp4";
  private static final String SOUND = "src_sound."; // of any ending
  private static final int APART = 2; // frames by which lengths may differ
  private static final String AGAIN = "make the folder again with wan4j preprocess animate";

  /// Requires background and mask together, of the poses' size, and lengths that are at most two
  /// frames apart; throws `InputException` otherwise.
  public CharacterVideos {
    if ((background == null) != (mask == null)) {
      throw new IllegalArgumentException("got a background or a mask alone");
    }
    if (faces.width() != faces.height()) {
      throw new InputException(
          "%s has faces of %dx%d; expected squares: %s"
              .formatted(FACES, faces.width(), faces.height(), AGAIN));
    }
    requireLength(FACES, faces, pose);
    if (mask != null) {
      requireSize(BACKGROUND, background, pose);
      requireSize(MASK, mask, pose);
      requireLength(BACKGROUND, background, pose);
      requireLength(MASK, mask, pose);
    }
  }

  private static void requireSize(String name, FrameSource source, FrameSource pose) {
    if (source.width() != pose.width() || source.height() != pose.height()) {
      throw new InputException(
          "%s is %dx%d, but %s is %dx%d; expected one size: %s"
              .formatted(
                  name, source.width(), source.height(), POSE, pose.width(), pose.height(), AGAIN));
    }
  }

  private static void requireLength(String name, FrameSource source, FrameSource pose) {
    if (Math.abs(source.count() - pose.count()) > APART) {
      throw new InputException(
          "%s has %,d frames, but %s has %,d; expected as many: %s"
              .formatted(name, source.count(), POSE, pose.count(), AGAIN));
    }
  }

  /// Returns black videos of a size and so many frames, with faces of `faceSize`, which take no
  /// memory before they are read: what the need of a request is found out with.
  public static CharacterVideos black(int width, int height, int frames, int faceSize) {
    return new CharacterVideos(
        new Picture(1, 1, new byte[3]),
        FrameSource.black(width, height, frames),
        FrameSource.black(faceSize, faceSize, frames),
        null,
        null,
        Sound.NONE);
  }

  /// Reads a folder, of which a file may be named as well; `replaces` asks for background and mask
  /// too, and `notes` is told in a sentence each what is not as it should be but can be used.
  /// Throws `InputException` when files are missing, broken or do not belong together.
  public static CharacterVideos open(Path named, boolean replaces, Consumer<String> notes) {
    Path folder = folder(named, notes);
    List<String> names = new ArrayList<>(List.of(PICTURE, POSE, FACES));
    if (replaces) {
      names.addAll(List.of(BACKGROUND, MASK));
    }
    List<String> missing =
        names.stream().filter(name -> !Files.exists(folder.resolve(name))).toList();
    if (!missing.isEmpty()) {
      throw new InputException(
          "%s has no %s; expected %s: make the folder with wan4j preprocess animate%s"
              .formatted(
                  folder,
                  String.join(" and no ", missing),
                  String.join(", ", names),
                  replaces ? " --replace_flag" : ""));
    }
    VideoFrames pose = VideoFrames.open(folder.resolve(POSE));
    CharacterVideos videos =
        new CharacterVideos(
            picture(folder.resolve(PICTURE), notes),
            pose,
            VideoFrames.open(folder.resolve(FACES)),
            replaces ? VideoFrames.open(folder.resolve(BACKGROUND)) : null,
            replaces ? VideoFrames.open(folder.resolve(MASK)) : null,
            sound(folder, pose));
    videos.lengths().forEach(notes);
    return videos;
  }

  private static Path folder(Path named, Consumer<String> notes) {
    if (Files.isRegularFile(named) && named.toAbsolutePath().getParent() != null) {
      Path folder = named.toAbsolutePath().getParent();
      notes.accept(
          "--src_root_path names the file %s; its folder is used".formatted(named.getFileName()));
      return named.getParent() == null ? folder : named.getParent();
    }
    if (!Files.isDirectory(named)) {
      throw new InputException(
          "--src_root_path got %s, which is not a folder; give the one that wan4j preprocess animate made"
              .formatted(named));
    }
    return named;
  }

  private static Picture picture(Path file, Consumer<String> notes) {
    Picture picture = PictureReader.read(file, PictureReader.Orientation.APPLY, notes);
    if (isJpeg(file)) {
      notes.accept("%s is a JPEG picture in spite of its name".formatted(file));
    }
    return picture;
  }

  private static boolean isJpeg(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      return Arrays.equals(in.readNBytes(2), new byte[] {(byte) 0xFF, (byte) 0xD8});
    } catch (IOException e) {
      throw InputFile.failure(file, e);
    }
  }

  /// Returns the sound that preprocessing keeps beside the poses, or that of the poses' own file.
  private static Sound sound(Path folder, VideoFrames pose) {
    try (Stream<Path> files = Files.list(folder)) {
      Path own =
          files
              .filter(file -> file.getFileName().toString().startsWith(SOUND))
              .min(Path::compareTo)
              .orElse(null);
      if (own != null) {
        return SoundReader.read(own);
      }
    } catch (IOException e) {
      throw InputFile.failure(folder, e);
    }
    return pose.hasSound() ? SoundReader.read(pose.file()) : Sound.NONE;
  }

  /// Returns which videos are shorter or longer than the poses, each as a sentence.
  private List<String> lengths() {
    List<String> sentences = new ArrayList<>();
    byName()
        .forEach((name, source) -> {
          if (source.count() != pose.count()) {
            sentences.add(
                "%s has %,d frames and %s %,d; %s"
                    .formatted(
                        name,
                        source.count(),
                        POSE,
                        pose.count(),
                        source.count() > pose.count()
                            ? "what is longer is cut"
                            : "its last frames run backwards to fill up"));
          }
        });
    return sentences;
  }

  /// Returns the videos that there are by their names.
  public Map<String, FrameSource> byName() {
    Map<String, FrameSource> all = new LinkedHashMap<>();
    all.put(POSE, pose);
    all.put(FACES, faces);
    if (mask != null) {
      all.put(BACKGROUND, background);
      all.put(MASK, mask);
    }
    return all;
  }

  /// Returns the same of at most so many frames.
  public CharacterVideos first(int most) {
    return new CharacterVideos(
        picture,
        pose.first(most),
        faces.first(most),
        background == null ? null : background.first(most),
        mask == null ? null : mask.first(most),
        sound);
  }

  /// Returns the sound as long as the video: with silence at its end, or cut; of no samples where
  /// there is none.
  public Sound soundOfVideo() {
    if (sound.length() == 0) {
      return sound;
    }
    int samples = (int) Math.ceil(pose.count() / pose.framesPerSecond() * sound.rate());
    float[][] channels = new float[sound.channels()][];
    for (int i = 0; i < channels.length; i++) {
      channels[i] = Arrays.copyOf(sound.channel(i), samples);
    }
    return Sound.of(sound.rate(), channels);
  }

  /// Closes the files until frames are read again.
  public void close() {
    for (FrameSource source : byName().values()) {
      if (source instanceof VideoFrames file) {
        file.close();
      }
    }
  }
}
