package wan4j.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static wan4j.cli.Terminal.PICTURE;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.media.Clip;
import wan4j.media.Sound;
import wan4j.media.SoundReader;
import wan4j.media.SyntheticSpeech;
import wan4j.media.VideoReader;
import wan4j.tensor.Shape;

/// Speech to video as a user makes it, on the tiny checkpoint of the reference cases.
final class SpeechCommandTest {
  private static final Path CHECKPOINT = Path.of("src/test/resources/golden/s2v-ckpt");
  private static final int RATE = 24_000;
  private static final int DROPPED = 3 * RATE / 16; // samples of three frames

  @TempDir Path folder;

  /// Two clips of 8 frames: the first keeps 5 of them, and the sound begins three frames in.
  @Test
  void theSoundOfTheVideoIsInStepWithTheFramesThatItDrove() throws IOException {
    Sound voice = SyntheticSpeech.of(0.9, RATE, 1);
    Path video = folder.resolve("out.mp4");
    Terminal run = generate(video, "--audio", wave(voice, "talk.wav").toString());
    assertThat(run.code()).as(run.error()).isZero();
    assertThat(run.error())
        .contains("the sound lasts 0:00:00.9; the video has 13 frames of 64*64 in 2 clips of 8")
        .contains("clip 1/2")
        .contains("clip 2/2")
        .contains("--frame_num is ignored");
    Clip clip = VideoReader.read(video);
    assertThat(clip.framesPerSecond()).isEqualTo(16);
    // both end with the shorter, which is the sound
    assertThat(clip.frames().shape()).isEqualTo(Shape.of(12, 64, 64, 3));
    Sound heard = SoundReader.read(video);
    assertThat(heard.rate()).isEqualTo(RATE);
    assertThat(lag(heard.channel(0), voice.channel(0)) - DROPPED).isBetween(-20, 20);
    assertThat(Terminal.names(folder)).containsExactly("out.mp4", "talk.wav");
  }

  /// Without waiting for the second clip: a cap of one.
  @Test
  void theSoundBeginsWithThePictureOrAsTheReferenceHasIt() throws IOException {
    Sound voice = SyntheticSpeech.of(0.9, RATE, 2);
    String file = wave(voice, "talk.wav").toString();
    Path reference = folder.resolve("reference.mkv");
    Terminal run = generate(reference, "--audio", file, "--num_clip", "1", "--mux", "reference");
    assertThat(run.code()).as(run.error()).isZero();
    assertThat(VideoReader.read(reference).frames().length(0)).isEqualTo(5);
    assertThat(lag(SoundReader.read(reference).channel(0), voice.channel(0))).isZero();
    Path silent = folder.resolve("out.gif");
    Terminal gif = generate(silent, "--audio", file, "--num_clip", "1");
    assertThat(gif.code()).as(gif.error()).isZero();
    assertThat(gif.error()).contains("out.gif holds no sound, so the video is silent");
    assertThat(VideoReader.read(silent).frames().length(0)).isEqualTo(5);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--num_clip 1 | got no sound; give one with --audio",
        "--audio none.wav | none.wav",
        "--audio README.md | README.md",
        "--audio demo/picture.png | holds no sound",
        "--audio WAV --infer_frames 6 | it takes a multiple of 4 from 4 to 400: try 4",
        "--audio WAV --infer_frames 404 | try 400",
        "--audio WAV --num_clip 0 | --num_clip got 0; it takes a whole number from 1",
        "--audio WAV --mux other | it takes lips or reference",
        "--audio WAV --pose_video README.md | README.md",
        "--audio WAV --pose_video WAV | WAV",
        "--audio WAV --sample_guide_scale 3,4 | has one transformer; give one number",
        "--audio WAV --tts_text hello | without --enable_tts",
        "--enable_tts --tts_prompt_audio WAV | without --tts_text; give what is to be said",
        "--enable_tts --tts_text hello | without --tts_prompt_audio; give a sound",
        "--enable_tts --tts_text hello --tts_prompt_audio WAV | WAN4J_SPEECH_URL names no speech",
        "--audio WAV --save_latents x | it is for videos of one clip",
        "--audio SHORT | holds 1 samples of sound, less than the 25 ms",
        "--audio DAMAGED | is damaged after 0.2 s",
        "--audio WAV --src_root_path x | was given",
      })
  void whatCannotBeSpokenIsRefusedWithTheCure(String flags, String fragment) throws IOException {
    String wav = wave(SyntheticSpeech.of(0.3, RATE, 3), "talk.wav").toString();
    String tiny = wave(Sound.of(RATE, new float[1]), "short.wav").toString();
    Path damaged = folder.resolve("damaged.mp3");
    byte[] bytes = Files.readAllBytes(Path.of("src/test/resources/sound/tone.mp3"));
    Arrays.fill(bytes, 3000, 4500, (byte) 0);
    Files.write(damaged, bytes);
    List<String> before = Terminal.names(folder);
    Path video = folder.resolve("out.mp4");
    String[] words =
        flags
            .replace("WAV", wav)
            .replace("SHORT", tiny)
            .replace("DAMAGED", damaged.toString())
            .split(" ");
    Terminal run = generate(video, words);
    assertThat(run.error())
        .contains(fragment.replace("WAV", wav).strip().lines().findFirst().get());
    assertThat(run.code()).isEqualTo(2);
    assertThat(Terminal.names(folder)).isEqualTo(before);
  }

  private static Terminal generate(Path video, String... more) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "--image",
                PICTURE.toString(),
                "--size",
                "64*64",
                "--sample_steps",
                "1",
                "--device",
                "cpu"));
    if (!List.of(more).contains("--infer_frames")) {
      all.addAll(List.of("--infer_frames", "8"));
    }
    all.addAll(List.of(more));
    return Terminal.generate(CHECKPOINT, video, all.toArray(String[]::new));
  }

  /// Returns at which sample of a sound a part of it begins, by where the two agree best.
  private static int lag(float[] part, float[] whole) {
    int best = 0;
    double most = Double.NEGATIVE_INFINITY;
    for (int lag = 0; lag < whole.length / 2; lag++) {
      double product = 0;
      double square = 1e-9;
      int count = Math.min(part.length, whole.length - lag);
      for (int i = 0; i < count; i++) {
        product += part[i] * whole[lag + i];
        square += whole[lag + i] * whole[lag + i];
      }
      if (product / Math.sqrt(square) > most) {
        most = product / Math.sqrt(square);
        best = lag;
      }
    }
    return best;
  }

  private Path wave(Sound sound, String name) throws IOException {
    float[] samples = sound.channel(0);
    ByteBuffer file = ByteBuffer.allocate(44 + samples.length * 2).order(ByteOrder.LITTLE_ENDIAN);
    file.put("RIFF".getBytes(StandardCharsets.US_ASCII)).putInt(36 + samples.length * 2);
    file.put("WAVEfmt ".getBytes(StandardCharsets.US_ASCII)).putInt(16);
    file.putShort((short) 1).putShort((short) 1).putInt(sound.rate()).putInt(sound.rate() * 2);
    file.putShort((short) 2).putShort((short) 16);
    file.put("data".getBytes(StandardCharsets.US_ASCII)).putInt(samples.length * 2);
    for (float sample : samples) {
      file.putShort((short) (sample * 32767));
    }
    return Files.write(folder.resolve(name), file.array());
  }
}
