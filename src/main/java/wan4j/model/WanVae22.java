package wan4j.model;

import java.util.ArrayList;
import java.util.List;
import wan4j.ops.Collectives;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;
import wan4j.weights.Weights;

/// The autoencoder of Wan2.2, which the TI2V-5B model uses: 48 latent channels, 16 x 16 pixels and
/// 4 frames a latent (Wan-Video/Wan2.2 at 42bf4cf, wan/modules/vae2_2.py). Its stages have
/// shortcuts without weights.
public final class WanVae22 implements VideoAutoencoder {
  /// How many pixels, in height and in width, one latent pixel stands for.
  public static final int STRIDE = 16;

  private static final float[] MEAN = {
    -0.2289f, -0.0052f, -0.1323f, -0.2339f, -0.2799f, 0.0174f, 0.1838f, 0.1557f, -0.1382f, 0.0542f,
    0.2813f, 0.0891f, 0.1570f, -0.0098f, 0.0375f, -0.1825f, -0.2246f, -0.1207f, -0.0698f, 0.5109f,
    0.2665f, -0.2108f, -0.2158f, 0.2502f, -0.2055f, -0.0322f, 0.1109f, 0.1567f, -0.0729f, 0.0899f,
    -0.2799f, -0.1230f, -0.0313f, -0.1649f, 0.0117f, 0.0723f, -0.2839f, -0.2083f, -0.0520f, 0.3748f,
    0.0152f, 0.1957f, 0.1433f, -0.2944f, 0.3573f, -0.0548f, -0.1681f, -0.0667f
  };
  private static final float[] DEVIATION = {
    0.4765f, 1.0364f, 0.4514f, 1.1677f, 0.5313f, 0.4990f, 0.4818f, 0.5013f, 0.8158f, 1.0344f,
    0.5894f, 1.0901f, 0.6885f, 0.6165f, 0.8454f, 0.4978f, 0.5759f, 0.3523f, 0.7135f, 0.6804f,
    0.5833f, 1.4146f, 0.8986f, 0.5659f, 0.7069f, 0.5338f, 0.4889f, 0.4917f, 0.4069f, 0.4999f,
    0.6866f, 0.4093f, 0.5709f, 0.6065f, 0.6415f, 0.4944f, 0.5726f, 1.2042f, 0.5458f, 1.6887f,
    0.3971f, 1.0600f, 0.3943f, 0.5537f, 0.5444f, 0.4089f, 0.7468f, 0.7744f
  };

  private final Ops ops;
  private final Parameters parameters;
  private final VaeFrame frame;

  /// Loads the network onto a backend; sizes come from the tensors' shapes. Throws `InputException`
  /// when they do not fit.
  public WanVae22(Weights weights, Ops ops) {
    this.ops = ops;
    parameters = ops.parameters();
    try {
      frame =
          new VaeFrame(
              ops,
              parameters,
              weights,
              4 * 3, // two by two pixels are one
              new VaeFrame.Normalisation(MEAN, DEVIATION),
              encoder(weights.at("encoder")),
              decoder(weights.at("decoder")));
      ops.synchronize(); // until all weights are there
    } catch (RuntimeException | Error e) {
      parameters.close();
      throw e;
    }
  }

  private List<VaeLayer> encoder(Weights weights) {
    List<VaeLayer> layers = new ArrayList<>();
    for (int i = 0; i < weights.at("downsamples").parts(); i++) {
      layers.add(new DownStage(weights.at("downsamples").at(i).at("downsamples")));
    }
    layers.addAll(VaeFrame.middle(weights.at("middle"), ops, parameters));
    return layers;
  }

  private List<VaeLayer> decoder(Weights weights) {
    List<VaeLayer> layers = new ArrayList<>(VaeFrame.middle(weights.at("middle"), ops, parameters));
    for (int i = 0; i < weights.at("upsamples").parts(); i++) {
      layers.add(new UpStage(weights.at("upsamples").at(i).at("upsamples")));
    }
    return layers;
  }

  @Override
  public void cutInto(long pixels) {
    frame.cutInto(pixels);
  }

  @Override
  public void shareWith(Collectives ranks) {
    frame.shareWith(ranks);
  }

  @Override
  public int channels() {
    return MEAN.length;
  }

  @Override
  public int stride() {
    return STRIDE;
  }

  @Override
  public Tensor encode(Tensor video) {
    return frame.encode(video, stride(), ops::foldPixels);
  }

  @Override
  public void decode(Tensor latents, FrameSink sink) {
    frame.decode(latents, stride(), sink, ops::unfoldPixels);
  }

  @Override
  public void close() {
    parameters.close();
  }

  /// Layers one after the other beside a shortcut without weights; the outermost scope's tensors
  /// are what passes between them.
  private abstract sealed class Stage implements VaeLayer permits DownStage, UpStage {
    final List<VaeLayer> layers;
    private final String title;
    final int time; // by how much the stage changes the number of frames, 1 or 2
    final int space; // and each side
    boolean isFirst;

    Stage(Weights weights, List<VaeLayer> layers) {
      this.layers = layers;
      title = weights.toString();
      int blocks = (int) layers.stream().filter(VaeResidualBlock.class::isInstance).count();
      boolean isKnown =
          blocks > 0 && layers.stream().limit(blocks).allMatch(VaeResidualBlock.class::isInstance);
      if (!isKnown || layers.size() > blocks + 1) {
        throw new InputException(
            "%s has a stage of %d layers, %d of them residual blocks; expected residual blocks and at most one layer behind them that changes sizes: use the autoencoder of Wan2.2"
                .formatted(weights, layers.size(), blocks));
      }
      Weights last = weights.at(layers.size() - 1);
      space = VaeResample.isOne(last) ? 2 : 1;
      time = VaeResample.isInTime(last) ? 2 : 1;
    }

    @Override
    public int channels(int inputs) {
      int outputs = inputs;
      for (VaeLayer layer : layers) {
        outputs = layer.channels(outputs);
      }
      int neighbours = time * space * space;
      if (!shortcutFits(inputs, outputs, neighbours)) {
        throw new InputException(
            "%s has a stage from %d to %d channels, which its shortcut of %d neighbours cannot make of each other: use the autoencoder of Wan2.2"
                .formatted(title, inputs, outputs, neighbours));
      }
      return outputs;
    }

    /// Says whether the shortcut can make so many channels of so many.
    abstract boolean shortcutFits(int inputs, int outputs, int neighbours);

    @Override
    public Extent begin(Extent extent, PieceRelay pieces) {
      isFirst = pieces.takesFirst();
      Extent size = extent;
      for (VaeLayer layer : layers) {
        size = layer.begin(size, pieces);
      }
      return size;
    }

    /// Returns by how much the stage changes the number of frames of the next piece: the first one
    /// passes as it is.
    int timeNow() {
      return isFirst ? 1 : time;
    }

    /// Writes what the layers make of `x`, which stays, to `target`.
    void run(Tensor x, Tensor target) {
      int last = layers.size() - 1;
      Tensor h = VaeLayer.forward(layers.subList(0, last), ops, x, false);
      try (var _ = ops.scope()) {
        layers.get(last).forward(h, target);
      }
    }
  }

  private final class DownStage extends Stage {
    DownStage(Weights weights) {
      super(weights, VaeResample.halving(weights, ops, parameters));
    }

    @Override
    boolean shortcutFits(int inputs, int outputs, int neighbours) {
      return (long) inputs * neighbours % outputs == 0;
    }

    @Override
    public long[] output(Tensor x) {
      return new long[] {
        x.length(0) / timeNow(), x.length(1) / space, x.length(2) / space, channels(x.length(3))
      };
    }

    @Override
    public void forward(Tensor x, Tensor target) {
      Tensor shortcut =
          ops.averageDown(x, time, space, target.length(3)); // before x is written over
      run(x, target);
      isFirst = false;
      ops.add(target, shortcut);
    }
  }

  private final class UpStage extends Stage {
    UpStage(Weights weights) {
      super(weights, VaeResample.doubling(weights, ops, parameters));
    }

    @Override
    boolean shortcutFits(int inputs, int outputs, int neighbours) {
      return space == 1 || (long) outputs * neighbours % inputs == 0; // else there is none
    }

    @Override
    public long[] output(Tensor x) {
      return new long[] {
        (long) timeNow() * x.length(0),
        (long) space * x.length(1),
        (long) space * x.length(2),
        channels(x.length(3))
      };
    }

    @Override
    public void forward(Tensor x, Tensor target) {
      run(x, target);
      if (space == 2) {
        // the first piece has no frames before it that the shortcut could repeat into
        int skip = isFirst ? time - 1 : 0;
        ops.add(target, ops.duplicateUp(x, time, space, target.length(3), skip));
      }
      isFirst = false;
    }
  }
}
