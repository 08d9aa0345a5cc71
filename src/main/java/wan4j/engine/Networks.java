package wan4j.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;
import wan4j.AttentionSettings;
import wan4j.Device;
import wan4j.EngineOptions;
import wan4j.LoraFile;
import wan4j.MemoryNeed;
import wan4j.Offload;
import wan4j.Task;
import wan4j.VideoRequest;
import wan4j.model.CausalAudioEncoder;
import wan4j.model.ClipVision;
import wan4j.model.DiffusionNetwork;
import wan4j.model.UmT5Encoder;
import wan4j.model.VideoAutoencoder;
import wan4j.model.WanVae21;
import wan4j.model.WanVae22;
import wan4j.model.Wav2Vec2;
import wan4j.ops.Collectives;
import wan4j.ops.Ops;
import wan4j.ops.SequenceGroup;
import wan4j.ops.plan.NullOps;
import wan4j.parallel.ChosenGroup;
import wan4j.parallel.RankLayout;
import wan4j.pipeline.CourseNetworks;
import wan4j.pipeline.Experts;
import wan4j.pipeline.PromptEncoder;
import wan4j.pipeline.RunRanks;
import wan4j.pipeline.SamplingPlan;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.weights.Checkpoint;
import wan4j.weights.Expert;
import wan4j.weights.Weights;

/// The networks of a checkpoint on their devices: each is loaded when something first needs it and,
/// where memory is short, leaves when its part of a request is done.
public final class Networks implements CourseNetworks, AutoCloseable {
  private final EngineOptions options;
  private final OpenCheckpoint model;
  private final Ops ops;
  private final Ops textOps;
  private final Experts experts;
  private final LoraFiles merged;
  private final MemoryEstimates estimates;
  private final boolean isOwner; // of the checkpoint, the backends and the files
  private final ChosenGroup group;
  private RankLinks links = RankLinks.ALONE;
  private RunRanks ranks = RunRanks.ALONE;
  private LoraFiles beside;
  private boolean isAdapted = true; // every loaded transformer has the files beside it
  private UmT5Encoder textEncoder;
  private Wav2Vec2 speech;
  private ClipVision vision;
  private VideoAutoencoder autoencoder;
  private long piece = VideoAutoencoder.USUAL_PIECE;
  private final AttentionSettings attention; // settled
  private boolean offloads;
  private Shards shards;
  private boolean isLeaving; // on all ranks, which wait for nothing of each other
  private boolean isFailing; // so that other ranks may be elsewhere

  private Networks(
      EngineOptions options,
      OpenCheckpoint model,
      Ops ops,
      Ops textOps,
      LoraFiles merged,
      LoraFiles beside,
      boolean isOwner) {
    this.options = options;
    this.model = model;
    this.ops = ops;
    this.textOps = textOps;
    this.merged = merged;
    this.beside = beside;
    this.isOwner = isOwner;
    estimates = new MemoryEstimates(options, model);
    offloads = options.offload() != Offload.NEVER;
    shards = Shards.choices(options).getFirst();
    model.require(options.quantization());
    boolean isFloat8 = true;
    for (Expert expert : checkpoint().experts()) {
      Precision precision =
          Precisions.of(
              Precisions.recipe(options.quantization(), checkpoint().transformer(expert)));
      Backends.require(ops, precision);
      isFloat8 &= precision.isFloat8();
    }
    int headSize = model.config().headDim();
    attention =
        options
            .attention()
            .with(
                AttentionChoice.settled(
                    options.attention().attention(), ops.activation(), headSize, isFloat8));
    AttentionChoice.apply(ops, attention, headSize, model.config().layers());
    group = new ChosenGroup(alone());
    experts =
        new Experts(
            model.config(),
            checkpoint().experts(),
            checkpoint().boundary(task().defaults().boundary()),
            offloads,
            this::transformer,
            this::leaveTogether);
  }

  /// Opens a checkpoint for the devices of `options`; throws `InputException` when either cannot be
  /// used.
  public static Networks open(EngineOptions options) {
    return open(
        options,
        device ->
            Backends.recording(Backends.open(device, options.arithmetic()), options.recording()));
  }

  /// Opens a checkpoint for backends that `backends` opens.
  static Networks open(EngineOptions options, Function<Device, Ops> backends) {
    try (Unwinding opened = new Unwinding()) {
      Checkpoint checkpoint = opened.add(Checkpoint.open(options.checkpoint()));
      OpenCheckpoint model = new OpenCheckpoint(checkpoint);
      Ops ops = opened.add(backends.apply(options.device()));
      if (options.ranks().isAlone()) { // of several, each would compile what the others do
        Backends.prepareFor(ops, model.config().dim());
      }
      Ops textOps = options.textOnCpu() ? opened.add(backends.apply(Device.CPU)) : ops;
      model.require(options.quantization());
      LoraFiles merged = opened.add(LoraFiles.merged(options, checkpoint));
      LoraFiles beside = opened.add(LoraFiles.beside(options, List.of(), checkpoint));
      Networks networks = new Networks(options, model, ops, textOps, merged, beside, true);
      opened.keep();
      return networks;
    }
  }

  /// Builds networks on backends without elements; checkpoint, backends and files stay the
  /// caller's.
  static Networks onShapes(
      EngineOptions options,
      OpenCheckpoint model,
      NullOps ops,
      NullOps textOps,
      LoraFiles merged,
      LoraFiles beside) {
    return new Networks(options, model, ops, textOps, merged, beside, false);
  }

  /// Makes the calling thread the one that the backends serve; the thread before must have
  /// finished.
  public void claim() {
    ops.claim();
    textOps.claim();
  }

  /// Reaches the other ranks in another way from now on.
  void link(RankLinks others) {
    if (!others.equals(links)) {
      links = others;
      Collectives all = links.all(); // on every rank, whatever it has loaded
      if (autoencoder != null) {
        autoencoder.shareWith(all);
      }
      divide(RankLayout.ALONE);
      if (!links.shareMemory()) {
        shards = Shards.NONE;
      }
    }
  }

  /// Returns which networks the ranks may divide, the fastest choice first.
  List<Shards> shardChoices() {
    return links.shareMemory() ? Shards.choices(options) : List.of(Shards.NONE);
  }

  /// Divides requests among the ranks in a layout from now on.
  public void divide(RankLayout layout) {
    ranks = links.divide(layout, model.config().heads(), group, alone());
  }

  /// Returns how self-attention computes, once `auto` is settled.
  AttentionSettings attention() {
    return attention;
  }

  private SequenceGroup alone() {
    return SequenceGroup.solo(AttentionChoice.schedule(attention));
  }

  @Override
  public RunRanks ranks() {
    return ranks;
  }

  /// Returns the files that the networks come from.
  public Checkpoint checkpoint() {
    return model.checkpoint();
  }

  /// Returns what they make video from.
  public Task task() {
    return model.task();
  }

  /// Returns the memory that a request needs, with the LoRA files that are chosen now, whose
  /// networks leave memory or stay, are divided among the ranks or not, and whose video is cut into
  /// pieces of so many pixels.
  public MemoryNeed need(VideoRequest request, boolean leave, Shards divided, long pixels) {
    return estimates.of(request, merged, beside, new MemoryPlan(leave, divided, pixels, null));
  }

  /// Returns the memory that decoding a request's latents alone needs.
  public MemoryNeed needToDecode(VideoRequest request, Shape latents, long pixels) {
    return estimates.ofDecoding(request, latents, merged, beside, pixels);
  }

  /// Returns the caches of a request.
  public RequestCache cache(VideoRequest request, SamplingPlan plan) {
    return new RequestCache(ops, request, task(), plan, experts.boundary());
  }

  @Override
  public Ops ops() {
    return ops;
  }

  /// Returns what of the chosen LoRA files is not used, each as a sentence.
  List<String> loraRemarks() {
    List<String> remarks = new ArrayList<>(merged.remarks(checkpoint()));
    remarks.addAll(beside.remarks(checkpoint()));
    return remarks;
  }

  /// Returns how many tokens of a prompt are cut off because it is longer than the model takes.
  int cutTokens(String prompt) {
    return PromptEncoder.cut(model.tokenizer(), prompt, model.config().textLength());
  }

  @Override
  public Experts experts() {
    return experts;
  }

  @Override
  public void textIsNext() {
    if (shards.text() && textEncoder == null) {
      textEncoder = new UmT5Encoder(checkpoint().textEncoder(), textOps, links.sharing(true));
    }
  }

  @Override
  public Tensor text(String prompt) {
    if (textEncoder == null) {
      textEncoder = new UmT5Encoder(checkpoint().textEncoder(), textOps);
    }
    return new PromptEncoder(model.tokenizer(), textEncoder, textOps, model.config().textLength())
        .encode(prompt);
  }

  @Override
  public Wav2Vec2 speech() {
    if (speech == null) {
      speech = new Wav2Vec2(checkpoint().speechConfig(), checkpoint().speech(), ops);
    }
    return speech;
  }

  @Override
  public double[] speechMix() {
    return CausalAudioEncoder.mix(checkpoint().transformer(Expert.SINGLE));
  }

  @Override
  public ClipVision vision() {
    if (vision == null) {
      vision = new ClipVision(checkpoint().vision(), ClipVision.HEADS, ops);
    }
    return vision;
  }

  @Override
  public VideoAutoencoder autoencoder() {
    if (autoencoder == null) {
      autoencoder = autoencoder(checkpoint(), ops);
      autoencoder.cutInto(piece);
      autoencoder.shareWith(links.all());
    }
    return autoencoder;
  }

  /// Returns a checkpoint's autoencoder on a backend.
  public static VideoAutoencoder autoencoder(Checkpoint checkpoint, Ops ops) {
    return checkpoint.hasVae22()
        ? new WanVae22(checkpoint.vae(), ops)
        : new WanVae21(checkpoint.vae(), ops);
  }

  private DiffusionNetwork transformer(Expert expert) {
    Weights weights = checkpoint().transformer(expert);
    PrecisionTable table = Precisions.table(options.quantization(), weights);
    DiffusionNetwork transformer =
        DiffusionNetwork.load(
            model.config(),
            merged.merged(expert, weights, table),
            ops,
            group,
            table,
            links.sharing(shards.transformers()));
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
    if (!LoraFiles.choices(options, requested, checkpoint()).equals(beside.choices())) {
      LoraFiles before = beside;
      beside = LoraFiles.beside(options, requested, checkpoint());
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
          isFailing = true;
          leave();
        } catch (RuntimeException again) { // a GPU that has failed cannot free anything either
          e.addSuppressed(again);
        } finally {
          isFailing = false;
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
    if (!plan.shards().equals(shards)) {
      leaveTogether(this::leaveDivided);
      shards = plan.shards();
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

  @Override
  public void textIsDone() {
    if (offloads) {
      closeTextEncoder();
    }
  }

  @Override
  public void speechIsDone() {
    if (offloads) {
      closeSpeech();
    }
  }

  @Override
  public void visionIsDone() { // of no use until the next request
    closeVision();
  }

  @Override
  public void autoencoderIsDone() {
    if (offloads) {
      closeAutoencoder();
    }
  }

  @Override
  public void expertsAreDone() {
    if (offloads) {
      experts.close();
    }
  }

  /// Frees what is divided among ranks, or no longer divided, since a rank that goes on from a
  /// failure may no longer find what the others had of it; memory that others read stays until the
  /// links are closed.
  void dropShards() {
    if (shards.areAny()) {
      isFailing = true;
      try {
        leaveDivided();
      } finally {
        isFailing = false;
      }
    }
  }

  private void leaveDivided() {
    try (Unwinding all = new Unwinding()) {
      all.then(this::closeTextEncoder);
      all.add(experts);
    }
  }

  /// Frees networks on all ranks at once: where they are divided, when no rank copies any more.
  private void leaveTogether(Runnable work) {
    if (!shards.areAny() || isFailing || isLeaving) {
      work.run();
      return;
    }
    isLeaving = true;
    try {
      links.closeTogether(this::rest, work);
    } finally {
      isLeaving = false;
    }
  }

  private void rest() {
    experts.forEachLoaded((_, transformer) -> transformer.rest());
    if (textEncoder != null) {
      textEncoder.rest();
    }
  }

  private void leave() {
    leaveTogether(() -> {
      try (Unwinding all = new Unwinding()) {
        addNetworks(all);
      }
    });
  }

  private void addNetworks(Unwinding all) {
    all.then(this::closeTextEncoder);
    all.then(this::closeSpeech);
    all.then(this::closeVision);
    all.then(this::closeAutoencoder);
    all.add(experts);
  }

  private void closeSpeech() {
    if (speech != null) {
      Wav2Vec2 leaving = speech;
      speech = null;
      leaving.close();
    }
  }

  private void closeVision() {
    if (vision != null) {
      ClipVision leaving = vision;
      vision = null;
      leaving.close();
    }
  }

  private void closeAutoencoder() {
    if (autoencoder != null) {
      VideoAutoencoder leaving = autoencoder;
      autoencoder = null;
      leaving.close();
    }
  }

  private void closeTextEncoder() {
    if (textEncoder != null && shards.text()) {
      leaveTogether(this::freeTextEncoder);
    } else if (textEncoder != null) {
      freeTextEncoder();
    }
  }

  private void freeTextEncoder() {
    UmT5Encoder leaving = textEncoder;
    textEncoder = null;
    leaving.close();
  }

  /// Frees the networks, closes their backends and the checkpoint's files; where something fails
  /// the rest is still closed, and the first failure is thrown with the others suppressed.
  @Override
  public void close() {
    if (isOwner) {
      claim();
    }
    try (Unwinding all = new Unwinding()) {
      if (isOwner) {
        all.add(checkpoint());
        all.add(beside);
        all.add(merged);
        all.add(ops);
        if (options.textOnCpu()) {
          all.add(textOps);
        }
      }
      addNetworks(all);
    }
  }
}
