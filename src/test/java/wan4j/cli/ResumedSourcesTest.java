package wan4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.TinyAnimate;
import wan4j.media.Picture;
import wan4j.media.PictureReader;
import wan4j.media.PictureWriter;
import wan4j.media.Sound;
import wan4j.media.SyntheticSpeech;
import wan4j.media.WavWriter;

/// `--resume` goes on with the picture, the sound or the driving video that a run began with, and
/// not with others of the same size and length.
final class ResumedSourcesTest {
  private static final Path SPEECH = Path.of("src/test/resources/golden/s2v-ckpt");

  @TempDir Path folder;

  private interface Change {
    void make() throws IOException;
  }

  /// Runs a command that leaves its latents, and again after a change of its inputs and after
  /// changing them back; the first is refused with words about `flag`.
  private void requireNoticed(String flag, Change change, Change back, List<String> command)
      throws IOException {
    Path frames = folder.resolve("frames");
    Terminal left = Terminal.leavingLatents(frames, () -> run(command));
    assertThat(left.error()).contains("run the same command again with --resume");
    List<String> again = new ArrayList<>(command);
    again.add("--resume");
    change.make();
    Terminal other = run(again);
    assertThat(other.code()).as(other.error()).isEqualTo(2);
    assertThat(other.error()).contains("holds latents made with --" + flag + " ");
    back.make();
    Terminal same = run(again);
    assertThat(same.code()).as(same.error()).isZero();
    assertThat(Terminal.names(frames)).isNotEmpty();
  }

  private static Terminal run(List<String> command) {
    return Terminal.run(command.toArray(String[]::new));
  }

  private List<String> generate(Path checkpoint, String... more) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "generate",
                "--any_size",
                "--ckpt_dir",
                checkpoint.toString(),
                "--save_file",
                folder.resolve("frames").toString(),
                "--prompt",
                "a red ball",
                "--sample_steps",
                "1",
                "--base_seed",
                "7"));
    all.addAll(List.of(more));
    return all;
  }

  @Test
  void thePictureOfAVideo() throws IOException {
    Picture picture = PictureReader.read(Terminal.PICTURE);
    byte[] rgb = picture.rgb().clone();
    rgb[rgb.length / 2] ^= 1;
    Picture other = new Picture(picture.width(), picture.height(), rgb);
    Path file = folder.resolve("picture.png");
    PictureWriter.write(picture, file);
    requireNoticed(
        "image",
        () -> PictureWriter.write(other, file),
        () -> PictureWriter.write(picture, file),
        generate(
            Terminal.IMAGE_TO_VIDEO,
            "--image",
            file.toString(),
            "--size",
            "64*32",
            "--frame_num",
            "5"));
  }

  @Test
  void theSoundOfASpeaker() throws IOException {
    Sound sound = SyntheticSpeech.of(0.3, 16_000, 1);
    Sound other = SyntheticSpeech.of(0.3, 16_000, 2);
    Path file = folder.resolve("talk.wav");
    WavWriter.write(sound, file);
    requireNoticed(
        "audio",
        () -> WavWriter.write(other, file),
        () -> WavWriter.write(sound, file),
        generate(
            SPEECH,
            "--image",
            Terminal.PICTURE.toString(),
            "--audio",
            file.toString(),
            "--size",
            "64*64",
            "--infer_frames",
            "8",
            "--num_clip",
            "1"));
  }

  @Test
  void theDrivingVideoOfACharacter() throws IOException {
    Path checkpoint = TinyAnimate.checkpoint(Files.createDirectory(folder.resolve("checkpoint")));
    Path work = TinyAnimate.folder(folder.resolve("work"), 5, false, false);
    Path faces = work.resolve("src_face.mp4");
    byte[] first = Files.readAllBytes(faces);
    requireNoticed(
        "src_root_path src_face.mp4",
        () -> TinyAnimate.video(faces, 5, TinyAnimate.FACE, TinyAnimate.FACE, 9),
        () -> Files.write(faces, first),
        generate(checkpoint, "--src_root_path", work.toString(), "--frame_num", "5"));
  }
}
