package wan4j.schedule.noise;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;
import wan4j.golden.GoldenCase;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

class NoiseTest {
  private static final float TOLERANCE = 2e-6f;

  @Test
  void cpuNoiseEqualsPyTorchs() {
    GoldenCase golden = GoldenCase.of("rng", "randn");
    int compared = 0;
    for (Map.Entry<String, Tensor> entry : golden.tensors().entrySet()) {
      String[] name = entry.getKey().split("\\.|_(?=\\d)", -1);
      if (name[2].equals("randn")) {
        Tensor drawn = new CpuNoise(seed(name[1])).randn(entry.getValue().shape());
        assertClose(drawn, entry.getValue(), entry.getKey());
        compared++;
      } else if (name[2].equals("rand")) {
        Tensor drawn = new CpuNoise(seed(name[1])).rand(entry.getValue().shape());
        assertThat(drawn.toFloats()).isEqualTo(entry.getValue().toFloats());
        compared++;
      }
    }
    assertThat(compared).isEqualTo(35);
  }

  @Test
  void cpuGeneratorGivesPyTorchsBits() {
    GoldenCase golden = GoldenCase.of("rng", "randn");
    for (long seed : new long[] {0, 1, 42, 1234567, 4294967295L}) {
      Tensor expected = golden.tensor("out.seed" + seed + ".randint_raw32");
      CpuNoise noise = new CpuNoise(seed);
      for (long i = 0; i < expected.count(); i++) {
        long value = expected.segment().getAtIndex(ValueLayout.JAVA_LONG_UNALIGNED, i);
        assertThat(noise.randint32()).isEqualTo(value);
      }
    }
  }

  /// PyTorch takes seeds of 64 bits, of which its generator on a CPU sees the lower half.
  @Test
  void largeSeedsCountAllTheirBitsOnAGpuAndTheLowerHalfOnACpu() {
    Tensor expected = GoldenCase.of("rng", "randn").tensor("out.seed4294967295.randint_raw32");
    CpuNoise noise = new CpuNoise(Long.parseUnsignedLong("18446744073709551615"));
    for (long i = 0; i < expected.count(); i++) {
      long value = expected.segment().getAtIndex(ValueLayout.JAVA_LONG_UNALIGNED, i);
      assertThat(noise.randint32()).isEqualTo(value);
    }
    // the known answers of Random123 (DEShawResearch/random123, tests/kat_vectors)
    int[] numbers = new int[4];
    Philox.generate(0, 0, 0, numbers);
    assertThat(numbers).containsExactly(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8);
    Philox.generate(-1, -1, Long.parseUnsignedLong("18446744073709551615"), numbers);
    assertThat(numbers).containsExactly(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd);
  }

  @Test
  void cpuDrawsContinueEachOther() {
    GoldenCase golden = GoldenCase.of("rng", "randn");
    for (long seed : new long[] {0, 1, 42, 1234567, 4294967295L}) {
      CpuNoise noise = new CpuNoise(seed);
      for (String draw : new String[] {"a_randn3", "b_randn20", "c_randn2", "d_randn33"}) {
        Tensor expected = golden.tensor("out.seed" + seed + ".seq_" + draw);
        assertClose(noise.randn(expected.shape()), expected, draw);
      }
    }
  }

  @Test
  void cudaNoiseEqualsPyTorchs() {
    GoldenCase golden = GoldenCase.of("rng", "cuda-randn");
    int compared = 0;
    for (Map.Entry<String, Tensor> entry : golden.tensors().entrySet()) {
      String[] name = entry.getKey().split("\\.", -1);
      boolean isWhole = name.length == 3 && !entry.getKey().contains("after");
      boolean isSampled = name[name.length - 1].equals("sampled");
      if (isWhole || isSampled) {
        Tensor drawn = new CudaNoise(seed(name[1]), 132).randn(shape(name[2]));
        if (isSampled) {
          int[] index = golden.tensor(entry.getKey().replace("sampled", "index")).toInts();
          float[] all = drawn.toFloats();
          float[] some = new float[index.length];
          for (int i = 0; i < index.length; i++) {
            some[i] = all[index[i]];
          }
          drawn = Tensor.of(some, some.length);
        }
        assertClose(drawn, entry.getValue(), entry.getKey());
        compared++;
      }
    }
    assertThat(compared).isEqualTo(19);
  }

  @Test
  void cudaDrawsContinueEachOther() {
    GoldenCase golden = GoldenCase.of("rng", "cuda-randn");
    Noise noise = Noise.of(Noise.Kind.CUDA, 42);
    noise.randn(shape("16x21x90x160"));
    Tensor second = noise.randn(shape("16x3x8x12"));
    assertClose(second, golden.tensor("out.seed42.after_16x21x90x160.16x3x8x12"), "second draw");
  }

  private static long seed(String name) {
    return Long.parseLong(name.substring("seed".length()));
  }

  private static Shape shape(String name) {
    return Shape.of(Arrays.stream(name.split("x", -1)).mapToLong(Long::parseLong).toArray());
  }

  private static void assertClose(Tensor actual, Tensor expected, String name) {
    assertThat(actual.shape()).as(name).isEqualTo(expected.shape());
    float[] a = actual.toFloats();
    float[] b = expected.toFloats();
    float worst = 0;
    for (int i = 0; i < a.length; i++) {
      worst = Math.max(worst, Math.abs(a[i] - b[i]));
    }
    assertThat(worst).as(name).isCloseTo(0f, within(TOLERANCE));
  }
}
