package wan4j.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import wan4j.cpu.CpuOps;
import wan4j.ops.Ops;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;

/// What was scaled and shifted, colour by colour, comes back as it was.
final class ColourDriftTest {
  private static final int SIDE = 8;
  private static final int SHARED = 5;
  private static final int FRAMES = 9;
  private static final float[] SCALE = {0.9f, 1.2f, 1};
  private static final float[] SHIFT = {0.1f, -0.05f, 0};

  @Test
  void driftIsTakenBackAndSharedFramesAreNotHandedOver() {
    float[] pixels = new float[FRAMES * SIDE * SIDE * 3]; // channels last
    Random random = new Random(1);
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = 0.6f * random.nextFloat() - 0.3f;
    }
    List<Integer> firsts = new ArrayList<>();
    List<Float> made = new ArrayList<>();
    try (Ops ops = CpuOps.scalar();
        var _ = ops.scope()) {
      ColourDrift drift =
          new ColourDrift(
              ops,
              planes(pixels),
              (first, features) -> {
                firsts.add(first);
                for (float value : ops.download(features).toFloats()) {
                  made.add(value);
                }
              });
      for (int first = 0;
          first < FRAMES;
          first += 3) { // the second piece has shared ones and others
        drift.accept(first, ops.upload(drifted(pixels, first, 3), DType.F32));
        drift.endRound();
      }
    }
    assertThat(firsts).containsExactly(0, 1);
    assertThat(made).hasSize((FRAMES - SHARED) * SIDE * SIDE * 3);
    for (int i = 0; i < made.size(); i++) {
      assertThat(made.get(i)).isCloseTo(pixels[SHARED * SIDE * SIDE * 3 + i], within(1e-5f));
    }
  }

  private static Tensor planes(float[] pixels) {
    float[] planes = new float[3 * SHARED * SIDE * SIDE];
    for (int i = 0; i < planes.length / 3; i++) {
      for (int colour = 0; colour < 3; colour++) {
        planes[colour * SHARED * SIDE * SIDE + i] = pixels[3 * i + colour];
      }
    }
    return Tensor.of(planes, 3, SHARED, SIDE, SIDE);
  }

  private static Tensor drifted(float[] pixels, int first, int count) {
    int frame = SIDE * SIDE * 3;
    float[] values = new float[count * frame];
    for (int i = 0; i < values.length; i++) {
      values[i] = SCALE[i % 3] * pixels[first * frame + i] + SHIFT[i % 3];
    }
    return Tensor.of(values, count, SIDE, SIDE, 3);
  }
}
