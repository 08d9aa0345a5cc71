package wan4j.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import wan4j.cpu.CpuOps;
import wan4j.ops.ForwardPass;
import wan4j.ops.Ops;
import wan4j.ops.SavedState;
import wan4j.ops.SequenceGroup;
import wan4j.ops.plan.NullOps;
import wan4j.quant.Branch;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.verify.ReferenceCase;
import wan4j.weights.Naming;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;

/// What the transformer of Animate keeps, and what rounding does to it, on the small case.
final class CharacterTransformerTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");
  private static final Path CHECKPOINT = GOLDEN.resolve("animate-small-ckpt");
  private static final Path CASE = GOLDEN.resolve("animate-small-dit");

  private static CharacterTransformer network(Weights weights, Ops ops, Precision precision) {
    return new CharacterTransformer(
        TransformerConfig.read(CHECKPOINT, weights),
        weights,
        ops,
        SequenceGroup.SOLO,
        PrecisionTable.of(precision, List.of()));
  }

  private static Conditions conditions(ReferenceCase reference, Ops ops, Tensor faces) {
    return new Conditions.Animation(
        reference.tensor("in.context"),
        reference.tensor("in.clip_fea").at(0),
        ops.upload(reference.tensor("in.y"), DType.F32),
        ops.upload(reference.tensor("in.pose_latents"), DType.F32),
        faces);
  }

  private static float[] forward(CharacterTransformer network, Ops ops, int step) {
    try (var reference = ReferenceCase.open(CASE);
        var _ = ops.scope()) {
      Tensor x = ops.upload(reference.tensor("in.x"), DType.F32);
      Conditions conditions = conditions(reference, ops, reference.tensor("in.face_u8"));
      var prepared = network.prepare(x.shape(), conditions);
      network.read(conditions, Branch.CONDITIONAL, prepared);
      ForwardPass pass = new ForwardPass(Branch.CONDITIONAL, step, 9);
      return ops.download(network.forward(x, 875, pass, prepared, BlockRun.ALWAYS)).toFloats();
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = Precision.class,
      mode = EnumSource.Mode.EXCLUDE,
      names = {"PLAIN", "FLOAT32"})
  void aRecipeOfFp8StaysNearAndGoesOnFromASavedState(Precision recipe) {
    try (Weights weights = Weights.open(CHECKPOINT, Naming.TRANSFORMER);
        Ops ops = new CpuOps();
        CharacterTransformer plain = network(weights, ops, Precision.PLAIN);
        CharacterTransformer rounded = network(weights, ops, recipe);
        CharacterTransformer again = network(weights, ops, recipe)) {
      float[] truth = forward(plain, ops, 0);
      float[] first = forward(rounded, ops, 0);
      assertThat(distance(first, truth)).isBetween(1e-3, 0.1);
      SavedState state = new SavedState();
      rounded.save(ops, state);
      float[] second = forward(rounded, ops, 1);
      assertThat(second).isNotEqualTo(truth);
      again.restore(ops, state);
      assertThat(forward(again, ops, 1)).isEqualTo(second);
    }
  }

  private static double distance(float[] got, float[] expected) {
    double sum = 0;
    double all = 0;
    for (int i = 0; i < got.length; i++) {
      sum += (got[i] - expected[i]) * (double) (got[i] - expected[i]);
      all += expected[i] * (double) expected[i];
    }
    return Math.sqrt(sum / all);
  }

  @Test
  void queryAndOutputOfTheFaceAdapterAreQuantisedAndItsKeysAreNot() {
    try (Weights weights = Weights.open(CHECKPOINT, Naming.TRANSFORMER);
        Ops ops = new NullOps();
        CharacterTransformer network = network(weights, ops, Precision.FLOAT8_TOKEN)) {
      assertThat(network.linearLayers())
          .filteredOn(group -> group.precision().isFloat8())
          .flatExtracting(LinearGroup::layers)
          .filteredOn(name -> !name.startsWith("blocks."))
          .containsExactly(
              "face_adapter.fuser_blocks.0.linear1_q", "face_adapter.fuser_blocks.0.linear2");
      assertThat(network.linearLayers())
          .filteredOn(group -> !group.precision().isFloat8())
          .flatExtracting(LinearGroup::layers)
          .contains(
              "face_adapter.fuser_blocks.0.linear1_kv",
              "face_encoder.out_proj",
              "img_emb.proj.1",
              "pose_patch_embedding")
          .noneMatch(name -> name.startsWith("blocks."));
    }
  }

  @Test
  void facesOfAnotherSizeOrLengthAreRefused() {
    try (Weights weights = Weights.open(CHECKPOINT, Naming.TRANSFORMER);
        Ops ops = new NullOps();
        CharacterTransformer network = network(weights, ops, Precision.PLAIN);
        var reference = ReferenceCase.open(CASE);
        var _ = ops.scope()) {
      Tensor large = Tensor.of(new byte[9 * 48 * 48 * 3], 9, 48, 48, 3);
      var prepared =
          network.prepare(reference.tensor("in.x").shape(), conditions(reference, ops, large));
      assertThatThrownBy(
              () -> network.read(conditions(reference, ops, large), Branch.CONDITIONAL, prepared))
          .hasMessageContaining("has faces of 48x48; expected 32x32");
      Tensor few = reference.tensor("in.face_u8").slice(0, 5);
      assertThatThrownBy(
              () -> network.read(conditions(reference, ops, few), Branch.UNCONDITIONAL, prepared))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("got 5 faces for 2 latent frames");
    }
  }
}
