package wan4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import wan4j.media.FrameBuffer;

/// A request that is told to stop does, and the engine makes the next one as if nothing had been.
final class CancellationTest {
  private static final Path DEMO = Path.of("demo/checkpoint/t2v");
  private static final VideoRequest REQUEST =
      VideoRequest.of(
          "a red ball moves left",
          new VideoSize(32, 32, 5),
          Sampling.of(Task.T2V_A14B, 1).withSteps(3).withGuidance(4, 3));

  /// Is cancelled when the step, or what follows the last one, begins.
  private static final class CancelledAfter implements Progress {
    private final int steps;
    private int done;
    private boolean isDecoding;

    CancelledAfter(int steps) {
      this.steps = steps;
    }

    @Override
    public void begins(String stage) {
      isDecoding = stage.equals("decode");
    }

    @Override
    public void ends(String stage, Duration time) {}

    @Override
    public void stepped(Step step) {
      done++;
    }

    @Override
    public boolean isCancelled() {
      return done >= steps && (steps < 3 || isDecoding);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void aCancelledRequestLeavesTheEngineAsItWas(int steps) {
    for (boolean offloads : new boolean[] {true, false}) {
      Quantization delayed = new Quantization(Quantization.Recipe.DELAYED, List.of());
      EngineOptions options =
          new EngineOptions(DEMO, Device.CPU, Arithmetic.FLOAT32, delayed, offloads, false);
      try (VideoEngine engine = VideoEngine.open(options);
          VideoEngine other = VideoEngine.open(options)) {
        CancelledAfter progress = new CancelledAfter(steps);
        FrameBuffer broken = new FrameBuffer();
        assertThatThrownBy(() -> engine.generate(REQUEST, broken, progress))
            .isInstanceOf(CancellationException.class)
            .hasMessageContaining("cancelled");
        assertThat(progress.done).isEqualTo(steps);
        assertThatThrownBy(broken::frames).isInstanceOf(IllegalStateException.class);
        assertThat(floats(engine)).isEqualTo(floats(other));
      }
    }
  }

  private static float[] floats(VideoEngine engine) {
    FrameBuffer video = new FrameBuffer();
    engine.generate(REQUEST, video, Progress.NONE);
    return video.frames().toFloats();
  }

  @Test
  void anotherThreadCancels() throws Exception {
    AtomicBoolean isCancelled = new AtomicBoolean();
    CountDownLatch running = new CountDownLatch(1);
    Thread other =
        Thread.ofPlatform()
            .start(() -> {
              try {
                running.await();
                isCancelled.set(true);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
    Progress progress =
        new Progress() {
          @Override
          public void begins(String stage) {}

          @Override
          public void ends(String stage, Duration time) {}

          @Override
          public void stepped(Step step) {
            running.countDown();
          }

          @Override
          public boolean isCancelled() {
            return isCancelled.get();
          }
        };
    VideoRequest endless =
        VideoRequest.of(
            "", new VideoSize(32, 32, 5), Sampling.of(Task.T2V_A14B, 1).withSteps(1000));
    try (VideoEngine engine = VideoEngine.open(new EngineOptions(DEMO, Device.CPU, false, false))) {
      assertThatThrownBy(() -> engine.sample(endless, progress))
          .isInstanceOf(CancellationException.class);
    }
    other.join();
  }
}
