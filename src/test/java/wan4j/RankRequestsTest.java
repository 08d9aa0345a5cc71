package wan4j;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.media.FrameBuffer;
import wan4j.verify.Comparison;

/// A request that ranks make together is the video that one makes.
final class RankRequestsTest {
  private static final Path DEMO = Path.of("demo/checkpoint/t2v");

  private static VideoRequest request(double guidance) {
    return VideoRequest.of(
        "a red ball moves left",
        new VideoSize(32, 48, 21),
        Sampling.of(Task.T2V_A14B, 1).withSteps(3).withGuidance(guidance, guidance));
  }

  private static EngineOptions options(Ranks ranks) {
    return new EngineOptions(DEMO, Device.CPU, false, false).with(ranks);
  }

  private record Made(float[] latents, float[] frames) {
    static Made of(EngineOptions options, VideoRequest request) {
      try (VideoEngine engine = VideoEngine.open(options)) {
        Latents latents = engine.sample(request, Progress.NONE);
        FrameBuffer frames = new FrameBuffer();
        engine.generate(request, frames, Progress.NONE);
        return new Made(latents.values().toFloats(), frames.frames().toFloats());
      }
    }
  }

  private static double furthest(float[] got, float[] expected) {
    assertThat(got).hasSize(expected.length);
    double most = 0;
    for (int i = 0; i < got.length; i++) {
      most = Math.max(most, Math.abs(got[i] - expected[i]));
    }
    return most;
  }

  @ParameterizedTest
  @CsvSource({"5, 1", "2, 4", "5, 4"})
  void ranksMakeWhatOneMakes(int count, double guidance) {
    Made alone = Made.of(options(Ranks.ALONE), request(guidance));
    Made together = Made.of(options(Ranks.of(count)), request(guidance));
    assertThat(Comparison.relativeError(together.latents, alone.latents)).isLessThan(1e-5);
    // a number at the edge of two bytes may fall to either side
    assertThat(furthest(together.frames, alone.frames)).isLessThanOrEqualTo(1);
  }
}
