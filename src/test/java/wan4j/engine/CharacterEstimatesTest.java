package wan4j.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.Device;
import wan4j.EngineOptions;
import wan4j.Sampling;
import wan4j.Source;
import wan4j.Task;
import wan4j.TinyAnimate;
import wan4j.VideoEngine;
import wan4j.VideoRequest;
import wan4j.VideoSize;
import wan4j.media.CharacterVideos;
import wan4j.weights.Checkpoint;

/// What is told beforehand of a character's video of several clips.
final class CharacterEstimatesTest {
  @TempDir static Path folder;

  private static EngineOptions options;

  @BeforeAll
  static void make() {
    options = new EngineOptions(TinyAnimate.checkpoint(folder), Device.CPU, true, false);
  }

  private static VideoRequest request(int frames) {
    return VideoRequest.of(
            "x", new VideoSize(64, 32, 9), Sampling.of(Task.ANIMATE_14B, 1).withSteps(4))
        .with(new Source.Animation(CharacterVideos.black(64, 32, frames, TinyAnimate.FACE), 1));
  }

  @Test
  void theStepsOfAllClipsCountWithThePicturesSlot() {
    assertThat(request(20).frames()).isEqualTo(20);
    ProcessorPlan plan = ProcessorPlan.of(options, Task.ANIMATE_14B, request(20));
    assertThat(plan.steps()).isEqualTo(3 * 4); // frames 0 to 8, 8 to 16 and 16 to 19
    assertThat(plan.forwards()).isEqualTo(3 * 4);
    assertThat(plan.pixels()).isEqualTo(64 * 32 * 9);
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      int tokens = (1 + 3) * (32 / 16) * (64 / 16);
      assertThat(plan.operations())
          .isEqualTo(12 * ProcessorPlan.operations(checkpoint.config(), tokens));
    }
  }

  @Test
  void memoryDoesNotGrowWithTheClipsAfterTheSecond() {
    long two = VideoEngine.need(options, request(17)).bytes();
    assertThat(VideoEngine.need(options, request(9)).bytes()).isLessThanOrEqualTo(two);
    assertThat(VideoEngine.need(options, request(5_000)).bytes()).isEqualTo(two);
  }
}
