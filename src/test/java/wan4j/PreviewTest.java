package wan4j;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import wan4j.media.FrameBuffer;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// A program sees what becomes of its video, and gets the video that it gets without looking.
final class PreviewTest {
  private static final VideoRequest REQUEST =
      VideoRequest.of(
          "a red ball moves left",
          new VideoSize(32, 64, 5),
          Sampling.of(Task.T2V_A14B, 1).withSteps(4));

  private static final class Shown implements Progress {
    private final int every;
    private final List<Integer> steps = new ArrayList<>();
    private final List<Tensor> frames = new ArrayList<>();

    Shown(int every) {
      this.every = every;
    }

    @Override
    public void begins(String stage) {}

    @Override
    public void ends(String stage, Duration time) {}

    @Override
    public void stepped(Step step) {}

    @Override
    public int previewEvery() {
      return every;
    }

    @Override
    public void previews(int step, Tensor small) {
      steps.add(step);
      frames.add(small);
    }
  }

  @Test
  void previewsComeAfterEverySoManySteps() {
    Path demo = Path.of("demo/checkpoint/t2v");
    try (VideoEngine engine = VideoEngine.open(new EngineOptions(demo, Device.CPU, false, false))) {
      Shown shown = new Shown(2);
      FrameBuffer video = new FrameBuffer();
      engine.generate(REQUEST, video, shown);
      assertThat(shown.steps).containsExactly(2, 4);
      assertThat(shown.frames).allMatch(small -> small.shape().equals(Shape.of(2, 8, 4, 3)));
      FrameBuffer plain = new FrameBuffer();
      engine.generate(REQUEST, plain, new Shown(0));
      assertThat(video.frames().toFloats()).isEqualTo(plain.frames().toFloats());
      // the last preview is of the latents that are decoded: first the still first frame
      assertThat(distance(shown.frames.getLast(), video.frames())).isLessThan(40);
    }
  }

  /// Returns how far the preview's first frame is from the means of the video's, in levels.
  private static double distance(Tensor small, Tensor video) {
    float[] preview = small.at(0).toFloats();
    float[] first = video.at(0).toFloats();
    float[] means = new float[preview.length];
    for (int i = 0; i < first.length; i++) {
      int color = i % 3;
      int x = i / 3 % 32;
      int y = i / 3 / 32;
      means[(y / 8 * 4 + x / 8) * 3 + color] += first[i] / 64;
    }
    double sum = 0;
    for (int i = 0; i < means.length; i++) {
      sum += Math.abs(means[i] - preview[i]);
    }
    return sum / means.length;
  }
}
