package wan4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.TinyAnimate;
import wan4j.media.Clip;
import wan4j.media.Picture;
import wan4j.media.PictureReader;
import wan4j.media.PictureWriter;
import wan4j.media.Sound;
import wan4j.media.SoundReader;
import wan4j.media.VideoReader;
import wan4j.media.VideoSettings;
import wan4j.media.VideoWriter;
import wan4j.preprocess.DrawnPerson;
import wan4j.tensor.Shape;

/// From a driving video and a picture to the character's video by the two commands that a user
/// gives, with small networks that find the drawn person, and a small random transformer.
final class CharacterFromVideoTest {
  private static final int WIDTH = 256;
  private static final int HEIGHT = 320;
  private static final int FRAMES = 5;
  private static final int FACE = 512; // what preprocessing makes

  @TempDir static Path shared;

  private static Path checkpoint;

  @TempDir Path folder;

  @BeforeAll
  static void writeInputs() throws IOException {
    checkpoint = TinyAnimate.checkpoint(Files.createDirectory(shared.resolve("checkpoint")), FACE);
    DrawnPerson.writeNetworks(checkpoint.resolve("process_checkpoint"));
    DrawnPerson.writeSam2(checkpoint.resolve("process_checkpoint/sam2"));
    PictureWriter.write(DrawnPerson.draw(320, 320, 160, 60, 200), shared.resolve("me.png"));
    Sound sound = Sound.of(16_000, new float[16_000]);
    try (VideoWriter writer =
        VideoWriter.open(shared.resolve("dance.mkv"), new VideoSettings(10, 18, sound))) {
      for (int i = 0; i < FRAMES; i++) {
        Picture frame = DrawnPerson.draw(WIDTH, HEIGHT, 100 + 6 * i, 20, 280);
        writer.accept(frame.pixels().reshape(1, HEIGHT, WIDTH, 3));
      }
      writer.finish();
    }
  }

  /// Makes the folder of the driving video and then the character's video.
  private void make(String... mode) {
    Terminal prepared =
        run(
            mode,
            "preprocess",
            "animate",
            "--ckpt_path",
            checkpoint.resolve("process_checkpoint").toString(),
            "--video_path",
            shared.resolve("dance.mkv").toString(),
            "--refer_path",
            shared.resolve("me.png").toString(),
            "--save_path",
            folder.resolve("work").toString(),
            "--resolution_area",
            "64",
            "80",
            "--fps",
            "-1");
    assertThat(prepared.code()).as(prepared.error()).isZero();
    assertThat(prepared.error())
        .contains("wan4j generate --task animate-14B --src_root_path " + folder.resolve("work"))
        .doesNotContain("found nobody", "no face was found", "the mask is empty");
    Picture sheet = PictureReader.read(folder.resolve("work/sheet.png"));
    assertThat(sheet.width()).isGreaterThan(sheet.height() / 2);
    Terminal generated =
        run(
            mode,
            "generate",
            "--task",
            "animate-14B",
            "--ckpt_dir",
            checkpoint.toString(),
            "--src_root_path",
            folder.resolve("work").toString(),
            "--save_file",
            folder.resolve("out.mkv").toString(),
            "--frame_num",
            "5",
            "--sample_steps",
            "1",
            "--base_seed",
            "7");
    assertThat(generated.code()).as(generated.error()).isZero();
  }

  private void assertMade(int height, int width) {
    Clip video = VideoReader.read(folder.resolve("out.mkv"));
    assertThat(video.frames().shape()).isEqualTo(Shape.of(FRAMES, height, width, 3));
    assertThat(video.framesPerSecond()).isEqualTo(10);
    assertThat(SoundReader.read(folder.resolve("out.mkv")).seconds()).isBetween(0.45, 0.55);
  }

  private static Terminal run(String[] mode, String... arguments) {
    String[] all = Arrays.copyOf(arguments, arguments.length + mode.length);
    System.arraycopy(mode, 0, all, arguments.length, mode.length);
    return Terminal.run(all);
  }

  @Test
  void aCharacterMovesAsThePersonOfAVideoDoes() {
    make();
    assertMade(64, 64);
  }

  @Test
  void aCharacterTakesThePlaceOfThePersonOfAVideo() {
    make("--replace_flag");
    assertMade(80, 64);
  }
}
