package wan4j.bench.random;

import java.util.List;
import wan4j.model.Conditions;
import wan4j.model.LatentGrid;
import wan4j.ops.Ops;
import wan4j.tensor.DType;
import wan4j.tensor.RandomSource;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.weights.TransformerConfig;

/// Random conditions of a clip, of the sizes that a real one's have.
public final class RandomConditions {
  private static final int PAST = 19; // latent frames before a clip of speech to video
  private static final int FRAMES = 4; // of a latent frame, at most
  private static final int PICTURE_TOKENS = 257;
  private static final int PICTURE_WIDTH = 1280;
  private static final int FACE_SIZE = 512;

  private final Ops ops;
  private final TransformerConfig config;
  private final Shape sample;
  private int drawn;

  private RandomConditions(Ops ops, TransformerConfig config, Shape sample) {
    this.ops = ops;
    this.config = config;
    this.sample = sample;
  }

  /// Returns what a network is given of a clip with a sample of a shape; tensors on the backend are
  /// in the innermost scope. `seesMotion` tells a later clip of speech to video from the first.
  public static Conditions of(Ops ops, TransformerConfig config, Shape sample, boolean seesMotion) {
    RandomConditions random = new RandomConditions(ops, config, sample);
    if (config.speech() != null) {
      return random.speech(seesMotion);
    }
    return config.seesPicture() ? random.character() : random.scene();
  }

  private Conditions scene() {
    long beside = config.inChannels() - sample.size(0);
    return new Conditions.Scene(
        text(), beside == 0 ? List.of() : List.of(uploaded(sample.with(0, beside))), 0);
  }

  private Conditions speech(boolean seesMotion) {
    int frames = FRAMES * (sample.length(1) + PAST);
    return new Conditions.Speech(
        text(),
        drawn(Shape.of(1, config.speech().soundDim(), frames)),
        uploaded(sample.with(1, 1)),
        uploaded(sample.with(1, PAST)),
        seesMotion,
        uploaded(sample));
  }

  private Conditions character() {
    int frames = sample.length(1);
    int faces = LatentGrid.videoFrames(frames - 1);
    return new Conditions.Animation(
        text(),
        drawn(Shape.of(PICTURE_TOKENS, PICTURE_WIDTH)),
        uploaded(sample.with(0, config.inChannels() - sample.size(0))),
        uploaded(sample.with(1, frames - 1L)),
        Tensor.zeros(DType.U8, Shape.of(faces, FACE_SIZE, FACE_SIZE, 3)));
  }

  private Tensor text() {
    return drawn(Shape.of(config.textLength(), config.textDim()));
  }

  private Tensor uploaded(Shape shape) {
    return ops.upload(drawn(shape), DType.F32);
  }

  private Tensor drawn(Shape shape) {
    long seed = (98L << 56) | ((long) drawn++ << 40);
    return Tensor.deferred(
        DType.F32, shape, () -> new RandomSource("condition", shape, seed, 0, 1).load());
  }
}
