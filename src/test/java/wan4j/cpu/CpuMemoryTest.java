package wan4j.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import wan4j.ops.Activation;
import wan4j.ops.Heads;
import wan4j.ops.Linear;
import wan4j.ops.Operand;
import wan4j.ops.OperandFormat;
import wan4j.ops.Parameters;
import wan4j.ops.Scope;
import wan4j.quant.Precision;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;

class CpuMemoryTest {
  @Test
  void aForwardFindsItsTensorsAtTheSameAddressesAgain() {
    try (CpuMemory memory = new CpuMemory()) {
      Tensor kept = memory.empty(DType.F32, Shape.of(13));
      long[] first = addresses(memory);
      assertThat(addresses(memory)).isEqualTo(first);
      assertThat(first).doesNotContain(kept.segment().address()).doesNotHaveDuplicates();
      assertThat(Arrays.stream(first).map(address -> address % 64)).containsOnly(0L);
    }
  }

  @Test
  void aBackendServesTheThreadThatClaimedIt() throws InterruptedException {
    try (CpuOps ops = new CpuOps()) {
      Throwable[] refused = new Throwable[1];
      Thread thread =
          new Thread(
              () -> {
                refused[0] = catchThrowable(() -> ops.empty(DType.F32, 1));
                ops.claim();
                ops.empty(DType.F32, 1);
              },
              "another");
      thread.start();
      thread.join();
      assertThat(refused[0])
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("got a call from thread \"another\"")
          .hasMessageContaining("claim()");
      assertThatThrownBy(ops::scope).isInstanceOf(IllegalStateException.class);
      ops.claim();
      ops.scope().close();
    }
  }

  private static long[] addresses(CpuMemory memory) {
    try (Scope _ = memory.scope()) {
      long[] found = new long[8];
      for (int i = 0; i < found.length; i++) {
        // sizes that need several chunks, also ones that do not fit where the last one ended
        long count = i % 2 == 0 ? 1 : 1_500_000;
        found[i] = memory.empty(DType.F32, Shape.of(count)).segment().address();
      }
      return found;
    }
  }

  @Test
  void tensorsThatDieAreFilledWithNaNWhereAssertionsAreOn() {
    try (CpuMemory memory = new CpuMemory()) {
      Tensor dead;
      try (Scope _ = memory.scope()) {
        dead = memory.empty(DType.F32, Shape.of(207));
        dead.segment().fill((byte) 0);
      }
      assertThat(dead.toFloats()).containsOnly(Float.NaN);
    }
  }

  @Test
  void theLargestUseIsRemembered() {
    try (CpuMemory memory = new CpuMemory()) {
      memory.weights(1000);
      try (Scope _ = memory.scope()) {
        memory.empty(DType.F32, Shape.of(1)); // rounded up to 64 bytes
        memory.empty(DType.F32, Shape.of(17));
      }
      memory.weights(-1000);
      assertThat(memory.peakBytes()).isEqualTo(1000 + 64 + 128);
      Scope scope = memory.scope();
      scope.close();
      assertThatThrownBy(scope::close)
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("twice");
    }
  }

  @Test
  void theSameInputGivesTheSameBytesHoweverOftenItRuns() {
    Random random = new Random(5);
    Tensor x = random(random, 300, 128);
    TensorSource weight = TensorSource.of("weight", random(random, 256, 128));
    try (CpuOps ops = new CpuOps();
        Parameters parameters = ops.parameters()) {
      Linear layer = parameters.linear(List.of(weight), List.of(), Precision.PLAIN);
      float[] first = forward(ops, layer, x);
      for (int i = 0; i < 5; i++) {
        assertThat(forward(ops, layer, x)).isEqualTo(first);
      }
    }
  }

  private static float[] forward(CpuOps ops, Linear layer, Tensor x) {
    try (Scope _ = ops.scope()) {
      Operand input = new Operand.Plain(ops.upload(x, DType.F32));
      Tensor y = ops.linear(input, layer, Activation.GELU_TANH).reshape(300, 4, 64);
      Tensor out = ops.attention(new Heads(y, y, y), 1, OperandFormat.Simple.PLAIN).values();
      return out.toFloats();
    }
  }

  private static Tensor random(Random random, int rows, int columns) {
    float[] values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian() * 0.3f;
    }
    return Tensor.of(values, rows, columns);
  }
}
