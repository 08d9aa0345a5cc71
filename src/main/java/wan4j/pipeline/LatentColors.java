package wan4j.pipeline;

import java.util.Random;
import wan4j.model.VideoAutoencoder;
import wan4j.ops.Ops;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;

/// A linear map from the channels of latents to the colours that they stand for, one pixel a
/// latent, which is enough to see what becomes of a video long before it can be decoded. It is
/// fitted to the autoencoder at hand, by least squares over one picture of random colours, so that
/// every autoencoder has one.
public final class LatentColors {
  private static final int SIDE = 48; // latents of the picture in a row and in a column
  private static final int CELL = 4; // latents, in a row and in a column, of one colour
  private static final double DAMPING = 1e-4; // of the normal equations' diagonal
  private static final int CHANNELS = 3;

  private final double[][] factors; // [3][latent channels + 1], the last added as it is

  private LatentColors(double[][] factors) {
    this.factors = factors;
  }

  /// Fits the colours of an autoencoder's latents.
  public static LatentColors fit(Ops ops, VideoAutoencoder vae) {
    int side = SIDE * vae.stride();
    float[] picture = picture(side, CELL * vae.stride());
    float[] latents;
    try (var _ = ops.scope()) {
      Tensor pixels = ops.upload(Tensor.of(picture, CHANNELS, 1, side, side), DType.F32);
      latents = ops.download(vae.encode(pixels)).toFloats();
    }
    return new LatentColors(solve(latents, vae.channels(), means(picture, side, vae.stride())));
  }

  /// Returns a picture `[3, side, side]` in [-1, 1] of random colours, each a square so wide.
  private static float[] picture(int side, int square) {
    Random random = new Random(1);
    int squares = Math.ceilDiv(side, square);
    float[] colors = new float[CHANNELS * squares * squares];
    for (int i = 0; i < colors.length; i++) {
      colors[i] = 2 * random.nextFloat() - 1;
    }
    float[] picture = new float[CHANNELS * side * side];
    for (int channel = 0; channel < CHANNELS; channel++) {
      for (int y = 0; y < side; y++) {
        for (int x = 0; x < side; x++) {
          picture[(channel * side + y) * side + x] =
              colors[(channel * squares + y / square) * squares + x / square];
        }
      }
    }
    return picture;
  }

  /// Returns the mean colour of each latent's pixels, `[3, latents]`.
  private static double[][] means(float[] picture, int side, int stride) {
    double[][] means = new double[CHANNELS][SIDE * SIDE];
    for (int channel = 0; channel < CHANNELS; channel++) {
      for (int y = 0; y < side; y++) {
        for (int x = 0; x < side; x++) {
          means[channel][y / stride * SIDE + x / stride] +=
              picture[(channel * side + y) * side + x] / (stride * stride);
        }
      }
    }
    return means;
  }

  /// Returns the factors with the least squared error over latents `[channels, latents]`.
  private static double[][] solve(float[] latents, int channels, double[][] colors) {
    int count = SIDE * SIDE;
    int size = channels + 1;
    double[][] products = new double[size][size];
    double[][] targets = new double[CHANNELS][size];
    double[] row = new double[size];
    for (int i = 0; i < count; i++) {
      for (int channel = 0; channel < channels; channel++) {
        row[channel] = latents[channel * count + i];
      }
      row[channels] = 1;
      for (int a = 0; a < size; a++) {
        for (int b = 0; b < size; b++) {
          products[a][b] += row[a] * row[b];
        }
        for (int color = 0; color < CHANNELS; color++) {
          targets[color][a] += row[a] * colors[color][i];
        }
      }
    }
    for (int i = 0; i < size; i++) {
      products[i][i] += DAMPING * count;
    }
    decompose(products);
    double[][] factors = new double[CHANNELS][];
    for (int color = 0; color < CHANNELS; color++) {
      factors[color] = substitute(products, targets[color]);
    }
    return factors;
  }

  /// Replaces the lower half of a positive definite matrix by its Cholesky factor.
  private static void decompose(double[][] matrix) {
    for (int i = 0; i < matrix.length; i++) {
      for (int j = 0; j <= i; j++) {
        double sum = matrix[i][j];
        for (int k = 0; k < j; k++) {
          sum -= matrix[i][k] * matrix[j][k];
        }
        matrix[i][j] = i == j ? Math.sqrt(sum) : sum / matrix[j][j];
      }
    }
  }

  private static double[] substitute(double[][] factor, double[] target) {
    double[] x = target.clone();
    for (int i = 0; i < x.length; i++) {
      for (int k = 0; k < i; k++) {
        x[i] -= factor[i][k] * x[k];
      }
      x[i] /= factor[i][i];
    }
    for (int i = x.length - 1; i >= 0; i--) {
      for (int k = i + 1; k < x.length; k++) {
        x[i] -= factor[k][i] * x[k];
      }
      x[i] /= factor[i][i];
    }
    return x;
  }

  /// Returns the frames that float32 latents `[channels, frames, height, width]` in host memory
  /// stand for, a pixel a latent: unsigned bytes `[frames, height, width, 3]`.
  public Tensor frames(Tensor latents) {
    int channels = latents.length(0);
    float[] values = latents.toFloats();
    int pixels = values.length / channels;
    byte[] frames = new byte[Math.multiplyExact(pixels, CHANNELS)];
    for (int i = 0; i < pixels; i++) {
      for (int color = 0; color < CHANNELS; color++) {
        double sum = factors[color][channels];
        for (int channel = 0; channel < channels; channel++) {
          sum += factors[color][channel] * values[channel * pixels + i];
        }
        frames[CHANNELS * i + color] = (byte) Math.clamp(Math.round((sum + 1) / 2 * 255), 0, 255);
      }
    }
    return Tensor.of(frames, latents.length(1), latents.length(2), latents.length(3), CHANNELS);
  }
}
