package wan4j.bench;

import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;
import wan4j.AttentionSettings;
import wan4j.Task;
import wan4j.bench.random.RandomWeights;
import wan4j.bench.random.UmT5Sizes;
import wan4j.engine.AttentionChoice;
import wan4j.engine.Backends;
import wan4j.engine.RankLinks;
import wan4j.model.CausalAudioEncoder;
import wan4j.model.ClipVision;
import wan4j.model.DiffusionNetwork;
import wan4j.model.UmT5Encoder;
import wan4j.model.VideoAutoencoder;
import wan4j.model.Wav2Vec2;
import wan4j.ops.Collectives;
import wan4j.ops.Ops;
import wan4j.ops.SequenceGroup;
import wan4j.ops.WeightSharing;
import wan4j.parallel.ChosenGroup;
import wan4j.parallel.RankLayout;
import wan4j.pipeline.CourseNetworks;
import wan4j.pipeline.Experts;
import wan4j.pipeline.RunRanks;
import wan4j.tensor.Tensor;
import wan4j.weights.Expert;
import wan4j.weights.TransformerConfig;

/// A task's full-size networks with random weights. Every prompt has as many tokens as there can
/// be; the transformers are made when the text is done, so that the encoder can leave before.
final class RandomNetworks implements CourseNetworks, AutoCloseable {
  /// Does the work of making a network.
  interface Maker {
    <T> T make(String network, Supplier<T> work);
  }

  private static final long SEED = 6; // of the first transformer

  private final Workbench bench;
  private final Ops ops;
  private final RequestSettings settings;
  private final RankLinks links;
  private final Maker maker;
  private final RunRanks ranks;
  private final ChosenGroup group;
  private final VideoAutoencoder autoencoder;
  private final Experts experts;
  private ClipVision vision;
  private Wav2Vec2 speech; // null where it is not needed
  private UmT5Encoder encoder; // the first rank's; null once it has left

  /// Makes the networks of a rank, which reaches the others through `links`.
  RandomNetworks(Workbench bench, Ops ops, RequestSettings settings, RankLinks links, Maker maker) {
    this.bench = bench;
    this.links = links;
    Task task = settings.task();
    TransformerConfig config = RandomWeights.config(task, settings.layers());
    Backends.prepareFor(ops, config.dim());
    RankLayout layout = settings.layout();
    Collectives all = links.all(); // every rank asks for the same in the same order
    SequenceGroup alone =
        SequenceGroup.solo(
            AttentionChoice.schedule(
                new AttentionSettings(bench.settled(settings.attention(), config.headDim()))));
    group = new ChosenGroup(alone);
    ranks = links.divide(layout, config.heads(), group, alone);
    this.ops = ops;
    this.settings = settings;
    this.maker = maker;
    experts = experts(task, config, expert -> expert(config, expert));
    boolean isDivided = settings.dividesText();
    if (isDivided || ranks.host().isFirst()) { // which reads for all
      WeightSharing sharing = isDivided ? links.sharing(true) : WeightSharing.NONE;
      encoder =
          maker.make(
              "umT5", () -> new UmT5Encoder(RandomWeights.umT5(UmT5Sizes.LAYERS), ops, sharing));
    }
    try {
      autoencoder = maker.make("VAE", () -> AutoencoderBenchmark.open(task, ops));
      autoencoder.shareWith(all);
    } catch (RuntimeException | Error e) {
      park();
      throw e;
    }
  }

  /// Returns a task's experts, which are made when they are first asked for.
  static Experts experts(
      Task task, TransformerConfig config, Function<Expert, DiffusionNetwork> loader) {
    return new Experts(
        config,
        task.hasTwoExperts()
            ? List.of(Expert.HIGH_NOISE, Expert.LOW_NOISE)
            : List.of(Expert.SINGLE),
        task.defaults().boundary(),
        false,
        loader);
  }

  private DiffusionNetwork expert(TransformerConfig config, Expert expert) {
    long seed = expert == Expert.LOW_NOISE ? 7 : SEED;
    return DiffusionNetwork.load(
        config,
        RandomWeights.transformer(config, seed),
        ops,
        group,
        bench.precisions(),
        links.sharing(settings.dividesTransformers()));
  }

  @Override
  public RunRanks ranks() {
    return ranks;
  }

  @Override
  public Ops ops() {
    return ops;
  }

  @Override
  public Tensor text(String prompt) {
    try (var _ = ops.scope()) {
      return ops.download(encoder.encode(TextBenchmark.ids(UmT5Sizes.TOKENS), UmT5Sizes.TOKENS));
    }
  }

  @Override
  public void textIsDone() {
    if (settings.parksText() && settings.dividesText()) {
      links.closeTogether(encoder::rest, this::park);
    } else if (settings.parksText()) {
      park();
    }
    maker.make("experts", () -> experts.names().stream().map(experts::get).toList());
  }

  private void park() {
    if (encoder != null) {
      encoder.close();
      encoder = null;
    }
  }

  @Override
  public ClipVision vision() {
    vision =
        maker.make("CLIP", () -> new ClipVision(RandomWeights.vision(), ClipVision.HEADS, ops));
    return vision;
  }

  @Override
  public void visionIsDone() {
    vision.close();
  }

  @Override
  public Wav2Vec2 speech() {
    if (speech == null) {
      speech =
          maker.make(
              "wav2vec2",
              () -> new Wav2Vec2(RandomWeights.wav2Vec2Config(), RandomWeights.wav2Vec2(), ops));
    }
    return speech;
  }

  @Override
  public double[] speechMix() {
    return CausalAudioEncoder.mix(RandomWeights.transformer(experts.config(), SEED));
  }

  @Override
  public void speechIsDone() {
    if (speech != null) {
      speech.close();
      speech = null;
    }
  }

  @Override
  public VideoAutoencoder autoencoder() {
    return autoencoder;
  }

  @Override
  public void autoencoderIsDone() {}

  @Override
  public Experts experts() {
    return experts;
  }

  @Override
  public void expertsAreDone() {}

  @Override
  public void close() {
    speechIsDone();
    experts.close();
    autoencoder.close();
    park();
  }
}
