package wan4j.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.sun.net.httpserver.HttpServer;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import wan4j.files.OwnProcess;
import wan4j.media.Clip;
import wan4j.media.Sound;
import wan4j.media.SoundReader;
import wan4j.media.SyntheticSpeech;
import wan4j.media.VideoReader;
import wan4j.media.VideoSettings;
import wan4j.media.VideoWriter;
import wan4j.media.WavWriter;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// Whole runs of speech to video with what a user can add to them: a stop, poses, a voice from
/// text, LoRA files, a cache.
final class SpeechRunsTest {
  private static final Path CHECKPOINT = Path.of("src/test/resources/golden/s2v-ckpt");
  private static final int RATE = 16_000;
  private static final Map<String, String> JAVA =
      Map.of(
          "JDK_JAVA_OPTIONS",
          "--add-modules jdk.incubator.vector --enable-native-access=ALL-UNNAMED");

  @TempDir Path folder;

  private Path talk(double seconds) {
    Path wav = folder.resolve("talk.wav");
    WavWriter.write(SyntheticSpeech.of(seconds, RATE, 5), wav);
    return wav;
  }

  /// Returns the flags of a request of clips of 8 frames, to which more are added.
  private static List<String> flags(String... more) {
    List<String> flags =
        new ArrayList<>(
            List.of(
                "--image",
                Terminal.PICTURE.toString(),
                "--size",
                "64*64",
                "--infer_frames",
                "8",
                "--device",
                "cpu"));
    if (!List.of(more).contains("--sample_steps")) {
      flags.addAll(List.of("--sample_steps", "1"));
    }
    flags.addAll(List.of(more));
    return flags;
  }

  private Terminal generate(String name, String... more) {
    return Terminal.generate(CHECKPOINT, folder.resolve(name), flags(more).toArray(String[]::new));
  }

  private Clip made(String name, String... more) {
    Terminal run = generate(name, more);
    assertThat(run.code()).as(run.error()).isZero();
    return VideoReader.read(folder.resolve(name));
  }

  /// Starts the same in a process of its own.
  private Process start(String name, Map<String, String> environment, String... more)
      throws Exception {
    List<String> all =
        new ArrayList<>(
            List.of(
                "generate",
                "--ckpt_dir",
                CHECKPOINT.toString(),
                "--save_file",
                folder.resolve(name).toString(),
                "--any_size",
                "--prompt",
                "a red ball",
                "--base_seed",
                "7"));
    all.addAll(flags(more));
    return OwnProcess.start(Main.class, environment, all.toArray(String[]::new));
  }

  /// Ctrl-C in the second of two clips leaves the first one as a whole file, with its sound.
  @Test
  void aRunThatIsStoppedAfterAClipPlaysAndGoesOnToTheSameBytes() throws Exception {
    Sound voice = SyntheticSpeech.of(0.9, RATE, 5);
    String[] flags = {"--audio", talk(0.9).toString(), "--sample_steps", "3"};
    String[] talkative = Arrays.copyOf(flags, flags.length + 1);
    talkative[flags.length] = "--json";
    Process process = start("out.mp4", JAVA, talkative);
    String said;
    try (BufferedReader lines = process.inputReader()) {
      String line = lines.readLine();
      while (line != null && !line.contains("\"clip\":2")) {
        line = lines.readLine();
      }
      process.toHandle().destroy(); // asks it to end, as Ctrl-C does
      said = String.join("\n", lines.readAllLines());
    } finally {
      process.destroyForcibly().waitFor(20, TimeUnit.SECONDS);
    }
    assertThat(said)
        .contains("out.mp4 has what was made so far")
        .contains("run the same command again with --resume");
    Clip part = VideoReader.read(folder.resolve("out.mp4"));
    assertThat(part.frames().shape()).isEqualTo(Shape.of(5, 64, 64, 3));
    Sound heard = SoundReader.read(folder.resolve("out.mp4"));
    assertThat(heard.seconds()).isCloseTo(5 / 16.0, within(0.07)); // AAC's blocks
    float[] spoken = voice.channel(0);
    float[] beginning = Arrays.copyOfRange(spoken, 3 * RATE / 16, 8 * RATE / 16);
    assertThat(correlation(heard.channel(0), beginning)).isGreaterThan(0.9);

    String[] resumed = Arrays.copyOf(flags, flags.length + 1);
    resumed[flags.length] = "--resume";
    Terminal rest = generate("out.mp4", resumed);
    assertThat(rest.code()).as(rest.error()).isZero();
    Terminal whole = generate("whole.mp4", flags);
    assertThat(whole.code()).as(whole.error()).isZero();
    assertThat(Files.readAllBytes(folder.resolve("out.mp4")))
        .isEqualTo(Files.readAllBytes(folder.resolve("whole.mp4")));
    assertThat(SoundReader.read(folder.resolve("out.mp4")).seconds())
        .isGreaterThan(heard.seconds() + 0.3);
    assertThat(Terminal.names(folder)).containsExactly("out.mp4", "talk.wav", "whole.mp4");
  }

  private static double correlation(float[] a, float[] b) {
    double product = 0;
    double first = 0;
    double second = 0;
    for (int i = 0; i < Math.min(a.length, b.length); i++) {
      product += (double) a[i] * b[i];
      first += (double) a[i] * a[i];
      second += (double) b[i] * b[i];
    }
    return product / Math.sqrt(first * second);
  }

  /// Of poses at 32 frames a second every other one is taken; what is wider is cut out in the
  /// middle; and what is missing is black, which is not the same as no poses.
  @Test
  void posesAreTakenAtTheVideosRateAndCutToItsAspect() throws IOException {
    byte[] pixels = new byte[12 * 64 * 128 * 3];
    new Random(3).nextBytes(pixels);
    Tensor drawn = Tensor.of(pixels, 12, 64, 128, 3);
    Path fast = folder.resolve("fast.mkv");
    VideoWriter.write(drawn, fast, VideoSettings.silent(32));
    byte[] middle = new byte[6 * 64 * 64 * 3];
    for (int line = 0; line < 6 * 64; line++) {
      int frame = line / 64;
      int from = ((2 * frame * 64 + line % 64) * 128 + 32) * 3;
      System.arraycopy(pixels, from, middle, line * 64 * 3, 64 * 3);
    }
    Path slow = folder.resolve("slow.mkv");
    VideoWriter.write(Tensor.of(middle, 6, 64, 64, 3), slow, VideoSettings.silent(16));
    String[] flags = {"--audio", talk(0.4).toString(), "--num_clip", "1", "--pose_video", ""};
    flags[5] = fast.toString();
    Terminal run = generate("out.mkv", flags);
    assertThat(run.code()).as(run.error()).isZero();
    assertThat(run.error())
        .contains("the pose video is 128*64 and the video 64*64; the middle of the poses is cut");
    byte[] wide = Files.readAllBytes(folder.resolve("out.mkv"));
    flags[5] = slow.toString();
    made("out.mkv", flags);
    assertThat(Files.readAllBytes(folder.resolve("out.mkv"))).isEqualTo(wide);
    made("out.mkv", Arrays.copyOf(flags, 4));
    assertThat(Files.readAllBytes(folder.resolve("out.mkv"))).isNotEqualTo(wide);
  }

  /// Nothing of the first clip is left out, and the sound begins with it.
  @Test
  void aVideoThatBeginsWithThePictureHasAllItsFramesAndAllItsSound() throws IOException {
    Path picture = Path.of("src/test/resources/pictures/rgba.png");
    Path wav = talk(0.4);
    Terminal run =
        Terminal.generate(
            CHECKPOINT,
            folder.resolve("out.mkv"),
            "--image",
            picture.toString(),
            "--size",
            "64*64",
            "--infer_frames",
            "8",
            "--sample_steps",
            "1",
            "--device",
            "cpu",
            "--audio",
            wav.toString(),
            "--num_clip",
            "1",
            "--start_from_ref");
    assertThat(run.code()).as(run.error()).isZero();
    assertThat(run.error()).contains("rgba.png has transparent pixels; their colours are used");
    Clip clip = VideoReader.read(folder.resolve("out.mkv"));
    assertThat(clip.frames().length(0)).isBetween(6, 7); // the sound ends first
    float[] heard = SoundReader.read(folder.resolve("out.mkv")).channel(0);
    float[] spoken = SoundReader.read(wav).channel(0);
    assertThat(Arrays.copyOf(heard, 4000)).isEqualTo(Arrays.copyOf(spoken, 4000));
  }

  /// A voice from text, and an endpoint that does not take what wan4j adds to OpenAI's fields.
  @Test
  void whatAnEndpointSaysIsSpokenAndKeptBesideTheVideo() throws Exception {
    byte[] answer = Files.readAllBytes(talk(0.4));
    Files.delete(folder.resolve("talk.wav"));
    Path prompt = folder.resolve("prompt.wav");
    WavWriter.write(SyntheticSpeech.of(1, RATE, 8), prompt);
    List<JsonNode> asked = new ArrayList<>();
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/v1/audio/speech",
        exchange -> {
          asked.add(JsonMapper.shared().readTree(exchange.getRequestBody().readAllBytes()));
          boolean refuses = asked.size() > 1;
          byte[] body =
              refuses
                  ? "{\"error\": \"unknown field prompt_audio\"}".getBytes(StandardCharsets.UTF_8)
                  : answer;
          exchange.sendResponseHeaders(refuses ? 422 : 200, body.length);
          exchange.getResponseBody().write(body);
          exchange.close();
        });
    server.start();
    try {
      Map<String, String> environment =
          Map.of(
              "JDK_JAVA_OPTIONS",
              JAVA.get("JDK_JAVA_OPTIONS"),
              SpeechEndpoint.URL,
              "http://127.0.0.1:%d/v1/audio/speech".formatted(server.getAddress().getPort()));
      String[] flags = {
        "--enable_tts",
        "--tts_prompt_audio",
        prompt.toString(),
        "--tts_text",
        "Guten Tag",
        "--audio",
        "ignored.wav",
        "--num_clip",
        "1",
        "--tts_prompt_text",
        "so I sound"
      };
      OwnProcess spoken = finished(start("out.mkv", environment, flags));
      assertThat(spoken.code()).as(spoken.said()).isZero();
      assertThat(spoken.said())
          .contains("--audio is ignored, since --enable_tts says what is spoken")
          .contains("--tts_prompt_audio lasts 1.0 s; voices come out best from 5 to 15 s")
          .contains("what is spoken is kept in " + folder.resolve("out.mkv.speech.wav"))
          .contains("the sound lasts 0:00:00.4");
      assertThat(Files.readAllBytes(folder.resolve("out.mkv.speech.wav"))).isEqualTo(answer);
      assertThat(SoundReader.read(folder.resolve("out.mkv")).rate()).isEqualTo(RATE);
      OwnProcess refused = finished(start("refused.mkv", environment, Arrays.copyOf(flags, 9)));
      assertThat(refused.code()).as(refused.said()).isEqualTo(2);
      assertThat(refused.said())
          .contains("refused with status 422 and \"{\"error\": \"unknown field prompt_audio\"}\"");
    } finally {
      server.stop(0);
    }
    assertThat(asked.get(0).path("mode").asString()).isEqualTo("zero_shot");
    assertThat(asked.get(0).path("input").asString()).isEqualTo("Guten Tag");
    assertThat(asked.get(1).path("mode").asString()).isEqualTo("cross_lingual");
    assertThat(Terminal.names(folder))
        .containsExactly("out.mkv", "out.mkv.speech.wav", "prompt.wav");
  }

  private static OwnProcess finished(Process process) throws Exception {
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new OwnProcess(process.waitFor(), said);
  }
}
