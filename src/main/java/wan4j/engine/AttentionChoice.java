package wan4j.engine;

import java.nio.file.Path;
import java.util.Set;
import wan4j.Arithmetic;
import wan4j.AttentionSettings;
import wan4j.AttentionSettings.Attention;
import wan4j.cuda.CudaOps;
import wan4j.ops.AttentionFormat;
import wan4j.ops.AttentionFormat.EightBit;
import wan4j.ops.AttentionSchedule;
import wan4j.ops.Ops;
import wan4j.ops.plan.DeviceRules;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.weights.Checkpoint;

/// What a choice of attention becomes: formats in each step and layer, and the kernels of a GPU.
public final class AttentionChoice {
  private AttentionChoice() {}

  /// Returns what `auto` is for heads of a size in an activation type: int8 beside FP8 linear
  /// layers, whose own rounding costs several times as much (docs/attention.md), and otherwise
  /// bfloat16. Every other attention stays what it is.
  public static Attention settled(
      Attention attention, DType activation, int headSize, boolean isBesideFloat8) {
    if (attention != Attention.AUTO) {
      return attention;
    }
    return isBesideFloat8 && DeviceRules.fitsEightBitAttention(activation, headSize)
        ? Attention.INT8
        : Attention.BF16;
  }

  /// Returns the format that an attention asks for, where `auto` is settled.
  public static AttentionFormat format(Attention attention) {
    return switch (attention) {
      case AUTO, BF16, CUDNN -> AttentionFormat.Simple.PLAIN;
      case INT8 -> EightBit.INT8;
      case FP8 -> EightBit.FLOAT8;
      case INT8QK -> EightBit.INT8_SCORES;
      case INT8PV -> EightBit.INT8_VALUES;
    };
  }

  /// Returns the formats in each step and layer, where `auto` is settled.
  public static AttentionSchedule schedule(AttentionSettings settings) {
    return new AttentionSchedule(
        format(settings.attention()),
        settings.first(),
        settings.last(),
        Set.copyOf(settings.layers()));
  }

  /// Says whether a GPU has attention of fewer bits for a checkpoint in an arithmetic; throws
  /// `InputException` when the checkpoint cannot be read.
  public static boolean fitsGpu(Path checkpoint, Arithmetic arithmetic) {
    try (Checkpoint opened = Checkpoint.open(checkpoint)) {
      return arithmetic == Arithmetic.BFLOAT16
          && DeviceRules.fitsEightBitAttention(DType.BF16, opened.config().headDim());
    }
  }

  /// Lets a backend compute attention as it was chosen for a network of so many layers with heads
  /// of a size; throws `InputException` where a GPU has no kernel for it, or the network no such
  /// layer.
  static void apply(Ops ops, AttentionSettings settings, int headSize, int layers) {
    if (!settings.layers().isEmpty() && settings.layers().getLast() >= layers) {
      throw new InputException(
          "--attention_schedule names layer %d, but this network has layers 0 to %d; leave it out"
              .formatted(settings.layers().getLast(), layers - 1));
    }
    if (!(ops instanceof CudaOps cuda)) {
      return; // a processor computes every format
    }
    Attention attention = settings.attention();
    if (attention.isNarrow() && !DeviceRules.fitsEightBitAttention(cuda.activation(), headSize)) {
      throw new InputException(
          "--attention %s was given, but a GPU has it for heads of 128 in bf16 alone, and these are of %d in %s; give --attention bf16"
              .formatted(attention.spelling(), headSize, cuda.activation()));
    }
    if (attention == Attention.CUDNN) {
      cuda.preferLibraryAttention();
    }
  }
}
