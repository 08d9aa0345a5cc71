package wan4j.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import wan4j.Device;
import wan4j.EngineOptions;
import wan4j.LoraFile;
import wan4j.Offload;
import wan4j.Quantization;
import wan4j.Task;
import wan4j.model.UmT5Encoder;
import wan4j.model.VideoAutoencoder;
import wan4j.model.WanTransformer;
import wan4j.model.WanVae21;
import wan4j.model.WanVae22;
import wan4j.ops.Ops;
import wan4j.ops.SequenceGroup;
import wan4j.pipeline.CheckpointTokenizer;
import wan4j.pipeline.Experts;
import wan4j.pipeline.PromptEncoder;
import wan4j.quant.PrecisionTable;
import wan4j.text.Tokenizer;
import wan4j.weights.Checkpoint;
import wan4j.weights.Expert;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;

/// The networks of a checkpoint on their devices: each is loaded when something first needs it and,
/// where memory is short, leaves when its part of a request is done.
public final class Networks implements AutoCloseable {
  private final EngineOptions options;
  private final Checkpoint checkpoint;
  private final Task task;
  private final Ops ops;
  private final Ops textOps;
  private final Tokenizer tokenizer;
  private final Experts experts;
  private final boolean isMerging; // of the options' files
  private final LoraFiles merged;
  private LoraFiles beside;
  private boolean isAdapted = true; // every loaded transformer has the files beside it
  private UmT5Encoder textEncoder;
  private VideoAutoencoder autoencoder;
  private long piece = VideoAutoencoder.USUAL_PIECE;
  private boolean offloads;

  private Networks(EngineOptions options, Checkpoint checkpoint, Ops ops, Ops textOps) {
    this.options = options;
    this.checkpoint = checkpoint;
    this.ops = ops;
    this.textOps = textOps;
    offloads = options.offload() != Offload.NEVER;
    task = Task.of(checkpoint.kind());
    tokenizer = CheckpointTokenizer.of(checkpoint);
    TransformerConfig config = checkpoint.config();
    CheckpointCheck.require(checkpoint, config, options.quantization());
    for (Expert expert : checkpoint.experts()) {
      Quantization quantization = options.quantization();
      Backends.require(ops, quantization.recipe(checkpoint.transformer(expert)).precision());
    }
    isMerging = merges(options, checkpoint);
    merged = new LoraFiles(isMerging ? options.loras() : List.of(), checkpoint);
    beside = new LoraFiles(isMerging ? List.of() : options.loras(), checkpoint);
    experts =
        new Experts(
            config,
            checkpoint.experts(),
            checkpoint.boundary(task.defaults().boundary()),
            offloads,
            expert -> transformer(config, expert));
  }

  /// Opens a checkpoint for the devices of `options`; throws `InputException` when either cannot be
  /// used.
  public static Networks open(EngineOptions options) {
    Checkpoint checkpoint = Checkpoint.open(options.checkpoint());
    try {
      Ops ops = Backends.open(options.device(), options.arithmetic());
      try {
        return open(options, checkpoint, ops);
      } catch (RuntimeException | Error e) {
        ops.close();
        throw e;
      }
    } catch (RuntimeException | Error e) {
      checkpoint.close();
      throw e;
    }
  }

  private static Networks open(EngineOptions options, Checkpoint checkpoint, Ops ops) {
    if (!options.textOnCpu()) {
      return new Networks(options, checkpoint, ops, ops);
    }
    Ops textOps = Backends.open(Device.CPU);
    try {
      return new Networks(options, checkpoint, ops, textOps);
    } catch (RuntimeException | Error e) {
      textOps.close();
      throw e;
    }
  }

  /// Opens a checkpoint for backends, which are closed with the networks, but not when this fails.
  public static Networks over(EngineOptions options, Ops ops, Ops textOps) {
    Checkpoint checkpoint = Checkpoint.open(options.checkpoint());
    try {
      return new Networks(options, checkpoint, ops, textOps);
    } catch (RuntimeException | Error e) {
      checkpoint.close();
      throw e;
    }
  }

  /// Says whether the files of the options are merged: in the automatic mode, where no weight is
  /// stored in FP8 and runs so, since it would have to be rounded a second time.
  private static boolean merges(EngineOptions options, Checkpoint checkpoint) {
    return switch (options.loraMode()) {
      case MERGE -> true;
      case SIDE -> false;
      case AUTO ->
          checkpoint.experts().stream()
              .map(checkpoint::transformer)
              .noneMatch(weights -> {
                PrecisionTable table = options.quantization().table(weights);
                return weights.float8().keySet().stream()
                    .anyMatch(layer -> table.precision(layer).isFloat8());
              });
    };
  }

  /// Returns the files that the networks come from.
  public Checkpoint checkpoint() {
    return checkpoint;
  }

  /// Returns what they make video from.
  public Task task() {
    return task;
  }

  /// Returns the backend of the transformers and the autoencoder.
  public Ops ops() {
    return ops;
  }

  /// Returns what a user may want to know of the files before the first request: what lies there
  /// and is not used, and what is done otherwise than they ask for, each as a sentence.
  public List<String> remarks() {
    return CheckpointRemarks.of(checkpoint, experts.config(), options.quantization());
  }

  /// Returns what of the chosen LoRA files is not used, each as a sentence.
  public List<String> loraRemarks() {
    List<String> remarks = new ArrayList<>(merged.remarks(checkpoint));
    remarks.addAll(beside.remarks(checkpoint));
    return remarks;
  }

  /// Returns the transformers.
  public Experts experts() {
    return experts;
  }

  /// Returns what turns prompts into text states.
  public PromptEncoder promptEncoder() {
    if (textEncoder == null) {
      textEncoder = new UmT5Encoder(checkpoint.textEncoder(), textOps);
    }
    return new PromptEncoder(tokenizer, textEncoder, textOps, experts.config().textLength());
  }

  /// Returns the autoencoder.
  public VideoAutoencoder autoencoder() {
    if (autoencoder == null) {
      autoencoder = autoencoder(checkpoint, ops);
      autoencoder.cutInto(piece);
    }
    return autoencoder;
  }

  /// Returns a checkpoint's autoencoder on a backend.
  public static VideoAutoencoder autoencoder(Checkpoint checkpoint, Ops ops) {
    return checkpoint.hasVae22()
        ? new WanVae22(checkpoint.vae(), ops)
        : new WanVae21(checkpoint.vae(), ops);
  }

  private WanTransformer transformer(TransformerConfig config, Expert expert) {
    Weights weights = checkpoint.transformer(expert);
    PrecisionTable table = options.quantization().table(weights);
    WanTransformer transformer =
        new WanTransformer(
            config, merged.merged(expert, weights, table), ops, SequenceGroup.SOLO, table);
    try {
      transformer.adapt(beside.applications(expert));
      return transformer;
    } catch (RuntimeException | Error e) {
      transformer.close();
      throw e;
    }
  }

  /// Chooses the LoRA files that run beside the weights from now on, those of the options and of a
  /// request; others go at once. Throws `InputException` when one does not belong to its network.
  public void choose(List<LoraFile> requested) {
    List<LoraFile> wanted = new ArrayList<>(isMerging ? List.of() : options.loras());
    wanted.addAll(requested);
    if (!wanted.equals(beside.choices())) {
      LoraFiles before = beside;
      beside = new LoraFiles(wanted, checkpoint);
      before.close();
      isAdapted = false;
      experts.forEachLoaded((_, transformer) -> transformer.adapt(List.of()));
    }
  }

  /// Lets the chosen LoRA files run beside the weights of the networks that are loaded.
  public void adapt() {
    if (!isAdapted) {
      try {
        experts.forEachLoaded(
            (expert, transformer) -> transformer.adapt(beside.applications(expert)));
      } catch (RuntimeException | Error e) {
        experts.close(); // none is left with the files of two requests
        throw e;
      }
      isAdapted = true;
    }
  }

  /// Does a request's work; when that fails, what would have left memory leaves it.
  public <T> T using(Supplier<T> work) {
    try {
      return work.get();
    } catch (RuntimeException | Error e) {
      if (offloads) {
        try {
          leave();
        } catch (RuntimeException again) { // a GPU that has failed cannot free anything either
          e.addSuppressed(again);
        }
      }
      throw e;
    }
  }

  /// Keeps to a plan from now on; what may no longer stay leaves at once.
  public void follow(MemoryPlan plan) {
    if (plan.offloads() && !offloads) {
      leave();
    }
    offloads = plan.offloads();
    experts.keepOnlyOne(offloads);
    cutInto(plan.piece());
  }

  /// Sets how many pixels the autoencoder's pieces of a video hold.
  public void cutInto(long pixels) {
    piece = pixels;
    if (autoencoder != null) {
      autoencoder.cutInto(pixels);
    }
  }

  /// Says that a request needs no more text states.
  public void textIsDone() {
    if (offloads) {
      closeTextEncoder();
    }
  }

  /// Says that a request needs the autoencoder no more for now.
  public void autoencoderIsDone() {
    if (offloads) {
      closeAutoencoder();
    }
  }

  /// Says that a request needs the transformers no more.
  public void expertsAreDone() {
    if (offloads) {
      experts.close();
    }
  }

  private void leave() {
    experts.close();
    closeAutoencoder();
    closeTextEncoder();
  }

  private void closeAutoencoder() {
    if (autoencoder != null) {
      autoencoder.close();
      autoencoder = null;
    }
  }

  private void closeTextEncoder() {
    if (textEncoder != null) {
      textEncoder.close();
      textEncoder = null;
    }
  }

  /// Frees the networks, closes their backends and the checkpoint's files.
  @Override
  public void close() {
    leave();
    if (options.textOnCpu()) {
      textOps.close();
    }
    ops.close();
    merged.close();
    beside.close();
    checkpoint.close();
  }
}
