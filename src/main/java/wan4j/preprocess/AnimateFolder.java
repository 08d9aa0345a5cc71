package wan4j.preprocess;

import java.nio.file.Path;
import java.util.List;
import wan4j.media.Picture;
import wan4j.media.PictureWriter;
import wan4j.media.Sound;
import wan4j.media.VideoSettings;
import wan4j.media.VideoWriter;
import wan4j.media.WavWriter;

/// The files that Animate takes, while they are written: poses and faces, and for a replacement the
/// background and the mask. Nothing appears under its name before all of it is there.
final class AnimateFolder implements AutoCloseable {
  static final String PICTURE = "src_ref.png";
  static final String POSES = "src_pose.mp4";
  static final String FACES = "src_face.mp4";
  static final String BACKGROUND = "src_bg.mp4";
  static final String MASK = "src_mask.mp4";
  static final String SOUND = "src_sound.wav";
  static final String SHEET = "sheet.png";

  private final Path folder;
  private final List<VideoWriter> writers; // of poses, faces, and for a replacement the others
  private Picture lastFace;
  private int awaited; // frames before the first face

  AnimateFolder(Path folder, double framesPerSecond, boolean isReplacement) {
    this.folder = folder;
    List<String> names =
        isReplacement ? List.of(POSES, FACES, BACKGROUND, MASK) : List.of(POSES, FACES);
    names.forEach(name -> VideoWriter.checkTarget(folder.resolve(name)));
    VideoSettings settings = VideoSettings.silent(framesPerSecond);
    writers = names.stream().map(name -> VideoWriter.open(folder.resolve(name), settings)).toList();
  }

  private static void add(VideoWriter writer, Picture picture) {
    writer.accept(picture.pixels().reshape(1, picture.height(), picture.width(), 3));
  }

  /// Adds a drawn pose.
  void addPose(Picture pose) {
    add(writers.get(0), pose);
  }

  /// Adds a face, or for null the one before it; before the first there is that one. Returns the
  /// face that was added, null where it is still to come.
  Picture addFace(Picture face) {
    lastFace = face == null ? lastFace : face;
    awaited++;
    while (lastFace != null && awaited > 0) {
      add(writers.get(1), lastFace);
      awaited--;
    }
    return lastFace;
  }

  /// Adds what stays of the driving video and the mask of what does not.
  void addMask(Picture stays, Picture goes) {
    add(writers.get(2), stays);
    add(writers.get(3), goes);
  }

  /// Gives the files their names, and writes the character, the sound and the sheet.
  void finish(Picture picture, Sound sound, Sheet sheet) {
    writers.forEach(VideoWriter::finish);
    PictureWriter.write(picture, folder.resolve(PICTURE));
    if (sound.length() > 0) {
      WavWriter.write(sound, folder.resolve(SOUND));
    }
    sheet.write(folder.resolve(SHEET));
  }

  @Override
  public void close() {
    writers.forEach(VideoWriter::close);
  }
}
