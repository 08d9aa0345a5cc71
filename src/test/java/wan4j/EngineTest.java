package wan4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.media.FrameBuffer;
import wan4j.media.Picture;
import wan4j.tensor.InputException;

/// What an engine does beside its videos: closing, null, pictures of no use.
final class EngineTest {
  @TempDir Path folder;

  private static final EngineOptions OPTIONS =
      new EngineOptions(Path.of("demo/checkpoint/t2v"), Device.CPU, true, false);
  private static final VideoRequest REQUEST =
      VideoRequest.of("a", new VideoSize(32, 32, 5), Sampling.of(Task.T2V_A14B, 1).withSteps(1));

  @Test
  void closingTwiceIsAllowedAndUseAfterwardsSaysSo() {
    VideoEngine engine = VideoEngine.open(OPTIONS);
    Latents latents = engine.sample(REQUEST, Progress.NONE);
    engine.close();
    engine.close();
    List<ThrowingCallable> uses =
        List.of(
            engine::task,
            engine::recipe,
            engine::peakBytes,
            () -> engine.sample(REQUEST, Progress.NONE),
            () -> engine.generate(REQUEST, new FrameBuffer(), Progress.NONE),
            () -> engine.decode(REQUEST, latents, new FrameBuffer(), Progress.NONE));
    for (ThrowingCallable use : uses) {
      assertThatThrownBy(use)
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("the engine is closed; open another one");
    }
  }

  @Test
  void nullIsRefusedByItsName() {
    VideoSize size = REQUEST.size();
    Sampling sampling = REQUEST.sampling();
    CacheSettings off = REQUEST.cache();
    List<LoraFile> none = List.of();
    refuses("prompt", () -> VideoRequest.of(null, size, sampling));
    refuses("size", () -> VideoRequest.of("a", null, sampling));
    refuses("sampling", () -> VideoRequest.of("a", size, null));
    refuses("source", () -> REQUEST.with((Source) null));
    refuses("picture", () -> REQUEST.withImage(null));
    refuses("cache", () -> REQUEST.withCache(null));
    refuses("loras", () -> REQUEST.withLoras(null));
    refuses(
        "negativePrompt",
        () -> new VideoRequest("a", null, Source.TEXT, size, sampling, off, none));
    refuses("values", () -> new Latents(null));
    refuses("options", () -> VideoEngine.open(null));
    refuses("request", () -> VideoEngine.need(OPTIONS, null));
    try (VideoEngine engine = VideoEngine.open(OPTIONS)) {
      refuses("request", () -> engine.sample(null, Progress.NONE));
      refuses("progress", () -> engine.sample(REQUEST, null));
      refuses("sink", () -> engine.generate(REQUEST, null, Progress.NONE));
      refuses("latents", () -> engine.decode(REQUEST, null, new FrameBuffer(), Progress.NONE));
    }
  }

  private static void refuses(String name, ThrowingCallable use) {
    assertThatThrownBy(use).isInstanceOf(NullPointerException.class).hasMessage(name);
  }

  @Test
  void aPictureThatIsTooLongAndNarrowIsRefusedBeforeTheFirstStage() {
    EngineOptions options =
        new EngineOptions(Path.of("demo/checkpoint/i2v"), Device.CPU, true, false);
    List<String> stages = new ArrayList<>();
    Progress progress =
        new Progress() {
          @Override
          public void begins(String stage) {
            stages.add(stage);
          }

          @Override
          public void ends(String stage, java.time.Duration time) {}

          @Override
          public void stepped(Step step) {}
        };
    Picture narrow = new Picture(1, 20_000, new byte[3 * 20_000]);
    try (VideoEngine engine = VideoEngine.open(options)) {
      VideoRequest request =
          VideoRequest.of("a", new VideoSize(64, 64, 5), Sampling.of(Task.I2V_A14B, 1).withSteps(1))
              .withImage(narrow);
      assertThatThrownBy(() -> engine.sample(request, progress))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("is too long and narrow");
    }
    assertThat(stages).isEmpty();
  }

  @Test
  void latentsAreHandedOverBeforeRatiosAreWritten() {
    VideoRequest request =
        VideoRequest.of("a", new VideoSize(32, 32, 5), Sampling.of(Task.T2V_A14B, 1).withSteps(2))
            .withCache(new CacheSettings.Calibration(Path.of("README.md", "ratios.json")));
    Recovery recovery = Recovery.beside(folder.resolve("out.mp4"), 0);
    try (VideoEngine engine = VideoEngine.open(OPTIONS)) {
      assertThatThrownBy(() -> engine.generate(request, recovery, _ -> {}, Progress.NONE, _ -> {}))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("ratios.json");
    }
    assertThat(recovery.paths().getFirst()).exists();
  }
}
