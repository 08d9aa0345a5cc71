package wan4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import wan4j.engine.MemoryEstimates;
import wan4j.engine.MemoryPlan;
import wan4j.engine.OpenCheckpoint;
import wan4j.engine.Shards;
import wan4j.model.VideoAutoencoder;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.weights.Checkpoint;

final class MemoryNeedTest {
  private static final Path CHECKPOINT = Path.of("demo/checkpoint/t2v");
  private static final VideoRequest REQUEST = request(96, 96, 81);

  private static EngineOptions gpu(boolean offload, boolean textOnCpu, Quantization quantization) {
    return new EngineOptions(
        CHECKPOINT, Device.CUDA, Arithmetic.BFLOAT16, quantization, offload, textOnCpu);
  }

  @Test
  void aRequestIsRefusedOnADeviceOneByteTooSmall() {
    MemoryNeed need = VideoEngine.need(gpu(false, false, Quantization.NONE), request(96, 96, 17));
    assertThat(need.weights()).isPositive();
    assertThat(need.scopes()).isPositive();
    assertThatCode(() -> need.requireFits(need.bytes())).doesNotThrowAnyException();
    assertThatThrownBy(() -> need.requireFits(need.bytes() - 1))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("the request needs %,d MiB".formatted(need.bytes() >> 20))
        .hasMessageContaining("256 allowed for the plans of cuDNN")
        .hasMessageContaining("--offload_model True, --t5_cpu or --quantize");
  }

  @Test
  void aVideoIsCutIntoPiecesThatFitTheMemory() {
    VideoRequest large = request(1280, 720, 33);
    EngineOptions options = gpu(true, true, Quantization.NONE);
    MemoryNeed usual = VideoEngine.need(options, large);
    MemoryNeed least = need(options, large, 1);
    assertThat(least.scopes()).isLessThan(usual.scopes() * 3 / 4);
    MemoryPlan.Needs needs = (_, _, piece) -> need(options, large, piece);
    assertThat(MemoryPlan.fitting(usual.bytes(), Offload.ALWAYS, needs))
        .isEqualTo(new MemoryPlan(true, Shards.NONE, VideoAutoencoder.USUAL_PIECE, usual));
    assertThat(MemoryPlan.fitting(usual.bytes() - 1, Offload.ALWAYS, needs).need())
        .isEqualTo(least);
    MemoryNeed none = MemoryPlan.fitting(least.bytes() - 1, Offload.ALWAYS, needs).need();
    assertThatThrownBy(() -> none.requireFits(least.bytes() - 1))
        .hasMessageContaining("needs %,d MiB".formatted(least.bytes() >> 20));
  }

  /// What `--resume` does: only the autoencoder is loaded, and it too is cut to fit.
  @Test
  void decodingAloneNeedsLessAndIsCutToFitToo() {
    EngineOptions options = gpu(true, true, Quantization.NONE);
    VideoRequest large = request(1280, 720, 33);
    MemoryNeed usual = needToDecode(options, large, VideoAutoencoder.USUAL_PIECE);
    MemoryNeed request = VideoEngine.need(options, large);
    assertThat(usual.weights()).isPositive().isLessThanOrEqualTo(request.weights());
    assertThat(usual.scopes()).isPositive().isLessThanOrEqualTo(request.scopes());
    assertThat(needToDecode(options, large, 1).scopes()).isLessThan(usual.scopes() * 3 / 4);
  }

  /// What a need does not depend on, the seed and the words of a prompt, does not make it anew.
  @Test
  void whatIsKnownIsNotTriedAgain() {
    try (Checkpoint checkpoint = Checkpoint.open(CHECKPOINT)) {
      MemoryEstimates estimates =
          new MemoryEstimates(gpu(false, false, Quantization.NONE), new OpenCheckpoint(checkpoint));
      MemoryNeed first = estimates.of(prompt("a red ball", 1), false, 1 << 20);
      assertThat(estimates.of(prompt("a blue ring", 2), false, 1 << 20)).isSameAs(first);
      assertThat(estimates.of(prompt("a red ball", 1), true, 1 << 20)).isNotEqualTo(first);
      assertThat(estimates.of(prompt("a red ball and much more", 1), false, 1 << 20))
          .isNotSameAs(first);
    }
  }

  private static VideoRequest prompt(String prompt, long seed) {
    return VideoRequest.of(prompt, new VideoSize(96, 96, 5), Sampling.of(Task.T2V_A14B, seed));
  }

  @Test
  void theBytesInAllAreThoseOfEveryPart() {
    assertThat(new MemoryNeed(1, 20, 300, 4000).bytes()).isEqualTo(4321);
  }

  @Test
  void theAllowanceForCudnnIsNeededOnAGpuAlone() {
    MemoryNeed need = VideoEngine.need(gpu(true, false, Quantization.NONE), REQUEST);
    assertThat(need.allowance()).isEqualTo(256L << 20);
    EngineOptions processor = new EngineOptions(CHECKPOINT, Device.CPU, true, false);
    assertThat(VideoEngine.need(processor, REQUEST).allowance()).isZero();
  }

  @Test
  void networksStayWhereAllOfThemFitUnlessTheUserSaysOtherwise() {
    MemoryPlan.Needs needs =
        (leaves, _, piece) -> need(gpu(leaves, false, Quantization.NONE), REQUEST, piece);
    MemoryNeed kept = needs.of(false, Shards.NONE, VideoAutoencoder.USUAL_PIECE);
    MemoryNeed left = needs.of(true, Shards.NONE, VideoAutoencoder.USUAL_PIECE);
    assertThat(MemoryPlan.fitting(kept.bytes(), Offload.WHERE_NEEDED, needs))
        .isEqualTo(new MemoryPlan(false, Shards.NONE, VideoAutoencoder.USUAL_PIECE, kept));
    assertThat(MemoryPlan.fitting(kept.bytes(), Offload.WHERE_NEEDED, needs).sentence(kept.bytes()))
        .startsWith("all networks stay on the GPU");
    MemoryPlan tight = MemoryPlan.fitting(kept.bytes() - 1, Offload.WHERE_NEEDED, needs);
    assertThat(tight)
        .isEqualTo(new MemoryPlan(true, Shards.NONE, VideoAutoencoder.USUAL_PIECE, left));
    assertThat(tight.sentence(kept.bytes() - 1)).startsWith("networks leave the GPU");
    assertThat(MemoryPlan.fitting(kept.bytes(), Offload.ALWAYS, needs).offloads()).isTrue();
    assertThat(MemoryPlan.fitting(left.bytes(), Offload.NEVER, needs).offloads()).isFalse();
  }

  @Test
  void whatLeavesMemoryIsNotCounted() {
    long whole = VideoEngine.need(gpu(false, false, Quantization.NONE), REQUEST).bytes();
    assertThat(VideoEngine.need(gpu(true, false, Quantization.NONE), REQUEST).bytes())
        .isLessThan(whole);
    assertThat(VideoEngine.need(gpu(false, true, Quantization.NONE), REQUEST).bytes())
        .isLessThan(whole);
    Quantization float8 = new Quantization(Quantization.Recipe.TOKEN, List.of());
    assertThat(VideoEngine.need(gpu(false, false, float8), REQUEST).weights())
        .isLessThan(VideoEngine.need(gpu(false, false, Quantization.NONE), REQUEST).weights());
  }

  /// With a large shift the low-noise expert works in a few of many steps only.
  @Test
  void bothExpertsAreCountedAtAnyShift() {
    EngineOptions options = gpu(false, false, Quantization.NONE);
    long usual = VideoEngine.need(options, request(12)).weights();
    for (double shift : new double[] {1, 22, 25, 40}) {
      assertThat(VideoEngine.need(options, request(shift)).weights()).isEqualTo(usual);
    }
  }

  private static MemoryNeed need(EngineOptions options, VideoRequest request, long piece) {
    try (Checkpoint checkpoint = Checkpoint.open(CHECKPOINT)) {
      return new MemoryEstimates(options, new OpenCheckpoint(checkpoint))
          .of(request, options.offload() != Offload.NEVER, piece);
    }
  }

  private static MemoryNeed needToDecode(EngineOptions options, VideoRequest request, long piece) {
    try (Checkpoint checkpoint = Checkpoint.open(CHECKPOINT)) {
      return new MemoryEstimates(options, new OpenCheckpoint(checkpoint))
          .ofDecoding(request, Shape.of(16, 9, 90, 160), piece);
    }
  }

  private static VideoRequest request(double shift) {
    return VideoRequest.of(
        "",
        new VideoSize(96, 96, 5),
        new Sampling(Sampling.Solver.UNIPC, 40, shift, 4, 4, 1, Sampling.Generator.CPU));
  }

  private static VideoRequest request(int width, int height, int frames) {
    return VideoRequest.of("", new VideoSize(width, height, frames), Sampling.of(Task.T2V_A14B, 1));
  }
}
