package wan4j.parallel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;
import wan4j.cpu.CpuOps;
import wan4j.ops.Ops;
import wan4j.ops.WeightSharing;
import wan4j.quant.Precision;
import wan4j.weights.TransformerConfig;

class CpuSharedWeightsTest extends SharedWeightsContract {
  @Override
  protected Ops ops(int rank) {
    return new CpuOps();
  }

  /// But for the small tensors of a block, which stay whole. A GPU, whose plan is compared with
  /// what it takes elsewhere, gives whole pages to networks as small as this.
  @Test
  void aRankHoldsItsPartOfTheBlocksAndTwoWhole() {
    TransformerConfig config = config("t2v", 16);
    long whole = together(2, false, config, Precision.PLAIN).getFirst().bytes();
    long fourth = together(4, true, config, Precision.PLAIN).getLast().bytes();
    long least = made(ops(0), config("t2v", 2), Precision.PLAIN, WeightSharing.NONE).bytes();
    long blocks = (whole - least) / 14 * 16;
    assertThat(fourth).isCloseTo(least + blocks / 4, within(whole / 20));
  }
}
