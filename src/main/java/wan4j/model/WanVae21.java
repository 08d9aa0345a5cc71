package wan4j.model;

import java.util.ArrayList;
import java.util.List;
import wan4j.ops.Collectives;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.tensor.Tensor;
import wan4j.weights.Weights;

/// The autoencoder of Wan2.1, which the A14B models use: 16 latent channels, 8 x 8 pixels and 4
/// frames a latent (Wan-Video/Wan2.2 at 42bf4cf, wan/modules/vae2_1.py).
public final class WanVae21 implements VideoAutoencoder {
  /// How many pixels, in height and in width, one latent pixel stands for.
  public static final int STRIDE = 8;

  private static final float[] MEAN = {
    -0.7571f, -0.7089f, -0.9113f, 0.1075f, -0.1745f, 0.9653f, -0.1517f, 1.5508f,
    0.4134f, -0.0715f, 0.5517f, -0.3632f, -0.1922f, -0.9497f, 0.2503f, -0.2921f
  };
  private static final float[] DEVIATION = {
    2.8184f, 1.4541f, 2.3275f, 2.6558f, 1.2196f, 1.7708f, 2.6052f, 2.0743f,
    3.2687f, 2.1526f, 2.8652f, 1.5579f, 1.6382f, 1.1253f, 2.8251f, 1.9160f
  };

  private final Parameters parameters;
  private final VaeFrame frame;

  /// Loads the network onto a backend; sizes come from the tensors' shapes. Throws `InputException`
  /// when they do not fit.
  public WanVae21(Weights weights, Ops ops) {
    parameters = ops.parameters();
    try {
      frame =
          new VaeFrame(
              ops,
              parameters,
              weights,
              3,
              new VaeFrame.Normalisation(MEAN, DEVIATION),
              encoder(weights.at("encoder"), ops),
              decoder(weights.at("decoder"), ops));
      ops.synchronize(); // until all weights are there
    } catch (RuntimeException | Error e) {
      parameters.close();
      throw e;
    }
  }

  private List<VaeLayer> encoder(Weights weights, Ops ops) {
    List<VaeLayer> layers =
        new ArrayList<>(VaeResample.halving(weights.at("downsamples"), ops, parameters));
    layers.addAll(VaeFrame.middle(weights.at("middle"), ops, parameters));
    return layers;
  }

  private List<VaeLayer> decoder(Weights weights, Ops ops) {
    List<VaeLayer> layers = new ArrayList<>(VaeFrame.middle(weights.at("middle"), ops, parameters));
    layers.addAll(VaeResample.doubling(weights.at("upsamples"), ops, parameters));
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
    return frame.encode(video, stride(), features -> features);
  }

  @Override
  public void decode(Tensor latents, FrameSink sink) {
    frame.decode(latents, stride(), sink, features -> features);
  }

  @Override
  public void close() {
    parameters.close();
  }
}
