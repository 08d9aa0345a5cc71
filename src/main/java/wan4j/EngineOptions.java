package wan4j;

import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import wan4j.tensor.InputException;

/// How an engine is set up.
///
/// @param checkpoint the folder of the checkpoint, in either layout
/// @param device where the transformers and the autoencoder run
/// @param arithmetic in which arithmetic a GPU computes what is not quantised
/// @param quantization which layers of the transformers run in FP8
/// @param loras LoRA files that change the transformers in every request
/// @param loraMode whether they are merged into the weights or run beside them; `AUTO` where
///   nothing speaks for either
/// @param offload whether networks leave memory as soon as they have done their part of a request
/// @param textOnCpu whether the text encoder runs on the processors
/// @param recording whether a GPU records forwards and plays the record
/// @param attention how the self-attention of the transformers computes
/// @param ranks how many GPUs make a video together
public record EngineOptions(
    Path checkpoint,
    Device device,
    Arithmetic arithmetic,
    Quantization quantization,
    List<LoraFile> loras,
    LoraMode loraMode,
    Offload offload,
    boolean textOnCpu,
    Recording recording,
    AttentionSettings attention,
    Ranks ranks) {
  /// Copies the list; null is refused by name, with a `NullPointerException`.
  public EngineOptions {
    Objects.requireNonNull(checkpoint, "checkpoint");
    Objects.requireNonNull(device, "device");
    Objects.requireNonNull(arithmetic, "arithmetic");
    Objects.requireNonNull(quantization, "quantization");
    Objects.requireNonNull(loras, "loras");
    Objects.requireNonNull(loraMode, "loraMode");
    Objects.requireNonNull(offload, "offload");
    Objects.requireNonNull(recording, "recording");
    Objects.requireNonNull(attention, "attention");
    Objects.requireNonNull(ranks, "ranks");
    loras = List.copyOf(loras);
  }

  /// One GPU, or the processors.
  public EngineOptions(
      Path checkpoint,
      Device device,
      Arithmetic arithmetic,
      Quantization quantization,
      List<LoraFile> loras,
      LoraMode loraMode,
      Offload offload,
      boolean textOnCpu,
      Recording recording,
      AttentionSettings attention) {
    this(
        checkpoint,
        device,
        arithmetic,
        quantization,
        loras,
        loraMode,
        offload,
        textOnCpu,
        recording,
        attention,
        Ranks.ALONE);
  }

  /// Returns the same with ranks.
  public EngineOptions with(Ranks together) {
    return new EngineOptions(
        checkpoint,
        device,
        arithmetic,
        quantization,
        loras,
        loraMode,
        offload,
        textOnCpu,
        recording,
        attention,
        together);
  }

  /// Records forwards where that is faster, with the attention that the quality figures support.
  public EngineOptions(
      Path checkpoint,
      Device device,
      Arithmetic arithmetic,
      Quantization quantization,
      List<LoraFile> loras,
      LoraMode loraMode,
      Offload offload,
      boolean textOnCpu) {
    this(
        checkpoint,
        device,
        arithmetic,
        quantization,
        loras,
        loraMode,
        offload,
        textOnCpu,
        Recording.AUTO,
        AttentionSettings.AUTO);
  }

  /// Without LoRA files.
  public EngineOptions(
      Path checkpoint,
      Device device,
      Arithmetic arithmetic,
      Quantization quantization,
      boolean offload,
      boolean textOnCpu) {
    this(
        checkpoint,
        device,
        arithmetic,
        quantization,
        List.of(),
        LoraMode.AUTO,
        Offload.of(offload),
        textOnCpu);
  }

  /// Weights as the checkpoint stores them, in the device's usual arithmetic.
  public EngineOptions(Path checkpoint, Device device, boolean offload, boolean textOnCpu) {
    this(checkpoint, device, Arithmetic.BFLOAT16, Quantization.STORED, offload, textOnCpu);
  }

  /// How LoRA files change a network.
  public enum LoraMode {
    /// They are merged, or run beside the weights where these are stored in FP8 and run so.
    AUTO("auto"),
    /// They are added to the weights while these are loaded, before anything is quantised.
    MERGE("merge"),
    /// They run beside the weights, which stay as they are, so that they can be changed in a
    /// moment.
    SIDE("side");

    private final String spelling;

    LoraMode(String spelling) {
      this.spelling = spelling;
    }

    /// Returns the mode's name on the command line.
    public String spelling() {
      return spelling;
    }

    /// Returns the mode of a name; throws `InputException` for an unknown one.
    public static LoraMode of(String name) {
      for (LoraMode mode : values()) {
        if (mode.spelling.equals(name)) {
          return mode;
        }
      }
      throw new InputException("--lora_mode got \"%s\"; give auto, merge or side".formatted(name));
    }
  }

  /// Whether a GPU records the blocks of a forward as a CUDA graph when they come again, and from
  /// then on plays the record: the same work and the same bytes, with one call of the host in place
  /// of thousands.
  public enum Recording {
    /// Where a forward is so short that the host's calls take longer than the work.
    AUTO,
    /// Every forward.
    ALWAYS,
    /// None.
    NEVER
  }
}
