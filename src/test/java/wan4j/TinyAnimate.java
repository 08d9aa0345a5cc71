package wan4j;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import wan4j.media.Clip;
import wan4j.media.Picture;
import wan4j.media.PictureWriter;
import wan4j.media.Sound;
import wan4j.media.VideoSettings;
import wan4j.media.VideoWriter;
import wan4j.tensor.RandomSource;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.weights.file.SafetensorsWriter;

/// Writes a checkpoint of animate-14B with a very small random transformer, and the folder that
/// preprocessing makes of a driving video. Text encoder and autoencoder are the demo's, and CLIP is
/// that of the reference cases.
public final class TinyAnimate {
  /// The height and width of the faces that the transformer sees.
  public static final int FACE = 32;

  private static final Path DEMO = Path.of("demo/checkpoint/t2v").toAbsolutePath();
  private static final String CLIP = "models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth";
  private static final Path GOLDEN = Path.of("src/test/resources/golden/animate-ckpt");
  private static final int LAYERS = 5;
  private static final int RANK = 4;
  private static final int LAST_EDGE = 4; // of the motion encoder's last convolution

  private final Map<String, TensorSource> tensors = new LinkedHashMap<>();
  private final int dim;
  private final int heads;

  private TinyAnimate(int dim, int heads) {
    this.dim = dim;
    this.heads = heads;
  }

  /// Writes a checkpoint into a folder that exists.
  public static Path checkpoint(Path folder) {
    return checkpoint(folder, FACE);
  }

  /// Writes one whose transformer sees faces of a height and width, a power of two.
  public static Path checkpoint(Path folder, int face) {
    return checkpoint(folder, face, new TinyAnimate(64, 2));
  }

  /// Writes one whose transformer has as many heads as that of full size, of 8 elements.
  static Path checkpointOfManyHeads(Path folder) {
    return checkpoint(folder, FACE, new TinyAnimate(320, 40));
  }

  private static Path checkpoint(Path folder, int face, TinyAnimate network) {
    network.transformer(face);
    try {
      SafetensorsWriter.write(
          folder.resolve("diffusion_pytorch_model.safetensors"), network.tensors, Map.of());
      Files.writeString(
          folder.resolve("config.json"),
          """
          {"_class_name": "WanAnimateModel", "patch_size": [1, 2, 2], "text_len": 64, "in_dim": 36,
           "dim": %d, "ffn_dim": %d, "freq_dim": 64, "out_dim": 16, "num_heads": %d,
           "num_layers": 5, "eps": 1e-06, "motion_encoder_dim": 32}
          """
              .formatted(network.dim, 2 * network.dim, network.heads));
      for (String name :
          new String[] {"Wan2.1_VAE.pth", "models_t5_umt5-xxl-enc-bf16.pth", "google"}) {
        Files.createSymbolicLink(folder.resolve(name), DEMO.resolve(name));
      }
      Files.createSymbolicLink(folder.resolve(CLIP), GOLDEN.resolve(CLIP).toAbsolutePath());
      SafetensorsWriter.write(
          folder.resolve("relighting_lora.safetensors"), network.lora(), Map.of());
      return folder;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Map<String, TensorSource> lora() {
    TinyAnimate lora = new TinyAnimate(dim, heads);
    for (int i = 0; i < LAYERS; i++) {
      for (String layer : new String[] {"self_attn.q", "cross_attn.v_img"}) {
        lora.put("blocks.%d.%s.lora_A.weight".formatted(i, layer), RANK, dim);
        lora.put("blocks.%d.%s.lora_B.weight".formatted(i, layer), dim, RANK);
      }
    }
    return lora.tensors;
  }

  private void transformer(int face) {
    put("patch_embedding.weight", dim, 36, 1, 2, 2);
    put("patch_embedding.bias", dim);
    put("pose_patch_embedding.weight", dim, 16, 1, 2, 2);
    put("pose_patch_embedding.bias", dim);
    linear("text_embedding.0", dim, TEXT);
    linear("text_embedding.2", dim, dim);
    linear("time_embedding.0", dim, 64);
    linear("time_embedding.2", dim, dim);
    linear("time_projection.1", 6L * dim, dim);
    for (int i = 0; i < LAYERS; i++) {
      block("blocks." + i + ".");
    }
    put("head.modulation", 1, 2, dim);
    linear("head.head", 64, dim);
    linearNorm("img_emb.proj.0", 48);
    linear("img_emb.proj.1", 48, 48);
    linear("img_emb.proj.3", dim, 48);
    linearNorm("img_emb.proj.4", dim);
    motion(Integer.numberOfTrailingZeros(face / LAST_EDGE));
    String adapter = "face_adapter.fuser_blocks.0.";
    linear(adapter + "linear1_kv", 2L * dim, dim);
    linear(adapter + "linear1_q", dim, dim);
    linear(adapter + "linear2", dim, dim);
    put(adapter + "q_norm.weight", dim / heads);
    put(adapter + "k_norm.weight", dim / heads);
    put("face_encoder.padding_tokens", 1, 1, 1, dim);
    convolution("face_encoder.conv1_local.conv", 4 * 32);
    convolution("face_encoder.conv2.conv", 32);
    convolution("face_encoder.conv3.conv", 32);
    linear("face_encoder.out_proj", dim, 32);
  }

  private static final int TEXT = 128; // width of the demo's text states

  private void block(String name) {
    put(name + "modulation", 1, 6, dim);
    for (String attention : new String[] {"self_attn.", "cross_attn."}) {
      for (String layer : new String[] {"q", "k", "v", "o"}) {
        linear(name + attention + layer, dim, dim);
      }
      put(name + attention + "norm_q.weight", dim);
      put(name + attention + "norm_k.weight", dim);
    }
    linear(name + "cross_attn.k_img", dim, dim);
    linear(name + "cross_attn.v_img", dim, dim);
    put(name + "cross_attn.norm_k_img.weight", dim);
    linearNorm(name + "norm3", dim);
    linear(name + "ffn.0", 2L * dim, dim);
    linear(name + "ffn.2", dim, 2L * dim);
  }

  private void motion(int halvings) {
    String layers = "motion_encoder.enc.net_app.convs.";
    int[] widths = new int[halvings + 1];
    Arrays.setAll(widths, i -> Math.max(2, 24 >> (halvings - i)));
    put(layers + "0.0.weight", widths[0], 3, 1, 1);
    put(layers + "0.1.bias", 1, widths[0], 1, 1);
    for (int i = 1; i < widths.length; i++) {
      String name = layers + i + ".";
      put(name + "conv1.0.weight", widths[i - 1], widths[i - 1], 3, 3);
      put(name + "conv1.1.bias", 1, widths[i - 1], 1, 1);
      put(name + "conv2.0.kernel", 4, 4);
      put(name + "conv2.1.weight", widths[i], widths[i - 1], 3, 3);
      put(name + "conv2.2.bias", 1, widths[i], 1, 1);
      put(name + "skip.0.kernel", 4, 4);
      put(name + "skip.1.weight", widths[i], widths[i - 1], 1, 1);
    }
    put(layers + widths.length + ".weight", 32, widths[halvings], LAST_EDGE, LAST_EDGE);
    for (int i = 0; i < 5; i++) {
      linear("motion_encoder.enc.fc." + i, i < 4 ? 32 : 20, 32);
    }
    put("motion_encoder.dec.direction.weight", 32, 20);
  }

  private void convolution(String name, long outputs) {
    put(name + ".weight", outputs, 32, 3);
    put(name + ".bias", outputs);
  }

  private void linearNorm(String name, long width) {
    put(name + ".weight", width);
    put(name + ".bias", width);
  }

  private void linear(String name, long outputs, long inputs) {
    put(name + ".weight", outputs, inputs);
    put(name + ".bias", outputs);
  }

  private void put(String name, long... sizes) {
    Shape shape = Shape.of(sizes);
    float deviation =
        sizes.length > 1 ? (float) (1 / Math.sqrt(shape.count() / (double) sizes[0])) : 0.1f;
    boolean isNorm = name.contains("norm") && name.endsWith(".weight");
    long own = (long) (tensors.size() + 1) << 40;
    tensors.put(name, new RandomSource(name, shape, own, isNorm ? 1 : 0, deviation));
  }

  /// Writes the folder of a driving video of so many frames, 25 a second; `replaces` adds
  /// background and mask, and a sound lies beside where it is wanted.
  public static Path folder(Path folder, int frames, boolean replaces, boolean sounds) {
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    PictureWriter.write(new Picture(40, 30, pixels(40 * 30, 1)), folder.resolve("src_ref.png"));
    video(folder.resolve("src_pose.mp4"), frames, 64, 32, 2);
    video(folder.resolve("src_face.mp4"), frames, FACE, FACE, 3);
    if (replaces) {
      video(folder.resolve("src_bg.mp4"), frames, 64, 32, 4);
      video(folder.resolve("src_mask.mp4"), frames, 64, 32, 5);
    }
    if (sounds) {
      float[] samples = new float[4000];
      for (int i = 0; i < samples.length; i++) {
        samples[i] = (float) Math.sin(i / 8.0) / 2;
      }
      VideoWriter.write(
          noise(frames, 64, 32, 6),
          folder.resolve("src_sound.mp4"),
          new VideoSettings(25, 30, Sound.of(8000, samples)));
    }
    return folder;
  }

  /// Writes a video of changing pixels.
  public static void video(Path file, int frames, int width, int height, int seed) {
    VideoWriter.write(noise(frames, width, height, seed), file, VideoSettings.silent(25));
  }

  /// Returns such a video.
  public static Clip clip(int frames, int width, int height, int seed) {
    return new Clip(noise(frames, width, height, seed), 25);
  }

  private static Tensor noise(int frames, int width, int height, int seed) {
    return Tensor.of(pixels(frames * width * height, seed), frames, height, width, 3);
  }

  private static byte[] pixels(int count, int seed) {
    byte[] pixels = new byte[3 * count];
    new java.util.Random(seed).nextBytes(pixels);
    return pixels;
  }
}
