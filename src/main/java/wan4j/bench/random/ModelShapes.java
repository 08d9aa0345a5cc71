package wan4j.bench.random;

import java.util.LinkedHashMap;
import java.util.Map;
import wan4j.Task;
import wan4j.VideoSize;
import wan4j.model.LatentGrid;
import wan4j.tensor.Shape;
import wan4j.weights.SpeechConfig;
import wan4j.weights.TransformerConfig;

/// The names and shapes of all tensors of the full-size networks, in the original layout, computed
/// from a few sizes.
public final class ModelShapes {
  private static final int UMT5_BUCKETS = 32;
  private static final int BLOCKS_A_FACE = 5; // of the transformer, for one of the face adapter
  private static final long PICTURE_WIDTH = 1280;
  private static final long MOTION_WIDTH = 512;
  private static final long DIRECTIONS = 20;
  private static final long FACE_WIDTH = 1024;

  private final Map<String, Shape> shapes = new LinkedHashMap<>();

  private ModelShapes() {}

  /// Returns a diffusion transformer's.
  static Map<String, Shape> transformer(TransformerConfig config) {
    ModelShapes all = new ModelShapes();
    long dim = config.dim();
    all.put(
        "patch_embedding.weight",
        dim,
        config.inChannels(),
        config.patchFrames(),
        config.patchHeight(),
        config.patchWidth());
    all.put("patch_embedding.bias", dim);
    all.linear("text_embedding.0", dim, config.textDim());
    all.linear("text_embedding.2", dim, dim);
    all.linear("time_embedding.0", dim, config.frequencyDim());
    all.linear("time_embedding.2", dim, dim);
    all.linear("time_projection.1", 6 * dim, dim);
    for (int i = 0; i < config.layers(); i++) {
      String name = "blocks." + i + ".";
      all.block(name, dim, config.feedForwardDim());
      if (config.seesPicture()) {
        all.linear(name + "cross_attn.k_img", dim, dim);
        all.linear(name + "cross_attn.v_img", dim, dim);
        all.put(name + "cross_attn.norm_k_img.weight", dim);
      }
    }
    all.put("head.modulation", 1, 2, dim);
    all.linear("head.head", config.patchOutputs(), dim);
    if (config.speech() != null) {
      all.speech(config);
    }
    if (config.seesPicture()) {
      all.character(config);
    }
    return all.shapes;
  }

  /// What the transformer of Animate has beside blocks.
  private void character(TransformerConfig config) {
    long dim = config.dim();
    put(
        "pose_patch_embedding.weight",
        dim,
        config.outChannels(),
        config.patchFrames(),
        config.patchHeight(),
        config.patchWidth());
    put("pose_patch_embedding.bias", dim);
    layerNorm("img_emb.proj.0", PICTURE_WIDTH);
    linear("img_emb.proj.1", PICTURE_WIDTH, PICTURE_WIDTH);
    linear("img_emb.proj.3", dim, PICTURE_WIDTH);
    layerNorm("img_emb.proj.4", dim);
    motionEncoder();
    for (int i = 0; i < Math.ceilDiv(config.layers(), BLOCKS_A_FACE); i++) {
      String name = "face_adapter.fuser_blocks." + i + ".";
      linear(name + "linear1_kv", 2 * dim, dim);
      linear(name + "linear1_q", dim, dim);
      linear(name + "linear2", dim, dim);
      put(name + "q_norm.weight", config.headDim());
      put(name + "k_norm.weight", config.headDim());
    }
    put("face_encoder.padding_tokens", 1, 1, 1, dim);
    for (int i = 1; i <= 3; i++) {
      String name =
          i == 1 ? "face_encoder.conv1_local.conv" : "face_encoder.conv%d.conv".formatted(i);
      long outputs = i == 1 ? 4 * FACE_WIDTH : FACE_WIDTH;
      put(name + ".weight", outputs, i == 1 ? MOTION_WIDTH : FACE_WIDTH, 3);
      put(name + ".bias", outputs);
    }
    linear("face_encoder.out_proj", dim, FACE_WIDTH);
  }

  private void motionEncoder() {
    String layers = "motion_encoder.enc.net_app.convs.";
    long[] widths = {32, 64, 128, 256, 512, 512, 512, 512};
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
    put(layers + widths.length + ".weight", MOTION_WIDTH, MOTION_WIDTH, 4, 4);
    for (int i = 0; i < 5; i++) {
      linear("motion_encoder.enc.fc." + i, i < 4 ? MOTION_WIDTH : DIRECTIONS, MOTION_WIDTH);
    }
    put("motion_encoder.dec.direction.weight", MOTION_WIDTH, DIRECTIONS);
  }

  private void layerNorm(String name, long width) {
    put(name + ".weight", width);
    put(name + ".bias", width);
  }

  /// Returns the image network of CLIP ViT-H/14 with a number of layers.
  static Map<String, Shape> vision(int layers) {
    ModelShapes all = new ModelShapes();
    long dim = PICTURE_WIDTH;
    all.put("visual.cls_embedding", 1, 1, dim);
    all.put("visual.pos_embedding", 1, 257, dim);
    all.put("visual.patch_embedding.weight", dim, 3, 14, 14);
    all.layerNorm("visual.pre_norm", dim);
    for (int i = 0; i < layers; i++) {
      String name = "visual.transformer." + i + ".";
      all.layerNorm(name + "norm1", dim);
      all.linear(name + "attn.to_qkv", 3 * dim, dim);
      all.linear(name + "attn.proj", dim, dim);
      all.layerNorm(name + "norm2", dim);
      all.linear(name + "mlp.0", 4 * dim, dim);
      all.linear(name + "mlp.2", dim, 4 * dim);
    }
    return all.shapes;
  }

  /// What a transformer of speech to video has beside.
  private void speech(TransformerConfig config) {
    SpeechConfig speech = config.speech();
    long dim = config.dim();
    patches("cond_encoder", dim, config.inChannels(), 1, LatentGrid.PATCH);
    put("casual_audio_encoder.weights", 1, speech.soundLayers(), 1, 1);
    String encoder = "casual_audio_encoder.encoder.";
    put(encoder + "padding_tokens", 1, 1, 1, dim);
    time(encoder + "conv1_local", dim / 4 * speech.soundTokens(), speech.soundDim());
    time(encoder + "conv1_global", dim / 4, speech.soundDim());
    time(encoder + "conv2", dim / 2, dim / 4);
    time(encoder + "conv3", dim, dim / 2);
    linear(encoder + "final_linear", dim, dim);
    for (int i = 0; i < speech.injectors().size(); i++) {
      attention("audio_injector.injector." + i + ".", dim);
      linear("audio_injector.injector_adain_layers." + i + ".linear", 2 * dim, dim);
    }
    put("trainable_cond_mask.weight", 3, dim);
    patches("frame_packer.proj", dim, config.outChannels(), 1, LatentGrid.PATCH);
    patches("frame_packer.proj_2x", dim, config.outChannels(), 2, 2 * LatentGrid.PATCH);
    patches("frame_packer.proj_4x", dim, config.outChannels(), 4, 4 * LatentGrid.PATCH);
  }

  private void patches(String name, long outputs, long inputs, long frames, long side) {
    put(name + ".weight", outputs, inputs, frames, side, side);
    put(name + ".bias", outputs);
  }

  private void time(String name, long outputs, long inputs) {
    put(name + ".conv.weight", outputs, inputs, 3);
    put(name + ".conv.bias", outputs);
  }

  private void block(String name, long dim, long wide) {
    put(name + "modulation", 1, 6, dim);
    attention(name + "self_attn.", dim);
    put(name + "norm3.weight", dim);
    put(name + "norm3.bias", dim);
    attention(name + "cross_attn.", dim);
    linear(name + "ffn.0", wide, dim);
    linear(name + "ffn.2", dim, wide);
  }

  private void attention(String name, long dim) {
    for (String layer : new String[] {"q", "k", "v", "o"}) {
      linear(name + layer, dim, dim);
    }
    put(name + "norm_q.weight", dim);
    put(name + "norm_k.weight", dim);
  }

  /// Returns the tokens of a task's video; throws `InputException` for sides that patches do not
  /// tile.
  public static LatentGrid tokens(Task task, VideoSize size) {
    task.requireSides(size);
    int side = task.sideStep();
    int frames = size.latentFrames() + (task == Task.ANIMATE_14B ? 1 : 0); // the picture's slot
    return new LatentGrid(frames, size.height() / side, size.width() / side);
  }

  /// Returns umT5-XXL's encoder with a number of layers.
  static Map<String, Shape> umT5(int layers) {
    long dim = UmT5Sizes.WIDTH;
    long wide = UmT5Sizes.FEED_FORWARD;
    ModelShapes all = new ModelShapes();
    all.put("token_embedding.weight", UmT5Sizes.VOCABULARY, dim);
    for (int i = 0; i < layers; i++) {
      String name = "blocks." + i + ".";
      all.put(name + "norm1.weight", dim);
      for (String layer : new String[] {"q", "k", "v", "o"}) {
        all.put(name + "attn." + layer + ".weight", dim, dim);
      }
      all.put(name + "norm2.weight", dim);
      all.put(name + "ffn.gate.0.weight", wide, dim);
      all.put(name + "ffn.fc1.weight", wide, dim);
      all.put(name + "ffn.fc2.weight", dim, wide);
      all.put(name + "pos_embedding.embedding.weight", UMT5_BUCKETS, UmT5Sizes.HEADS);
    }
    all.put("norm.weight", dim);
    return all.shapes;
  }

  /// Returns the speech network's, wav2vec2 of 24 layers.
  static Map<String, Shape> wav2Vec2() {
    long dim = 1024;
    long wide = 4096;
    long channels = 512;
    int[] taps = {10, 3, 3, 3, 3, 2, 2};
    ModelShapes all = new ModelShapes();
    for (int i = 0; i < taps.length; i++) {
      String name = "wav2vec2.feature_extractor.conv_layers." + i + ".";
      all.put(name + "conv.weight", channels, i == 0 ? 1 : channels, taps[i]);
      all.put(name + "conv.bias", channels);
      all.putNorm(name + "layer_norm", channels);
    }
    all.putNorm("wav2vec2.feature_projection.layer_norm", channels);
    all.putLinear("wav2vec2.feature_projection.projection", dim, channels);
    String positions = "wav2vec2.encoder.pos_conv_embed.conv.";
    all.put(positions + "weight_g", 1, 1, 128);
    all.put(positions + "weight_v", dim, dim / 16, 128);
    all.put(positions + "bias", dim);
    for (int i = 0; i < 24; i++) {
      String name = "wav2vec2.encoder.layers." + i + ".";
      for (String layer : new String[] {"q_proj", "k_proj", "v_proj", "out_proj"}) {
        all.putLinear(name + "attention." + layer, dim, dim);
      }
      all.putNorm(name + "layer_norm", dim);
      all.putLinear(name + "feed_forward.intermediate_dense", wide, dim);
      all.putLinear(name + "feed_forward.output_dense", dim, wide);
      all.putNorm(name + "final_layer_norm", dim);
    }
    all.putNorm("wav2vec2.encoder.layer_norm", dim);
    return all.shapes;
  }

  private void putNorm(String name, long size) {
    put(name + ".weight", size);
    put(name + ".bias", size);
  }

  private void putLinear(String name, long outputs, long inputs) {
    put(name + ".weight", outputs, inputs);
    put(name + ".bias", outputs);
  }

  /// Returns the Wan2.1 autoencoder's; the real one has a width of 96.
  static Map<String, Shape> vae21(long width) {
    ModelShapes all = new ModelShapes();
    long[] widths = {width, width, 2 * width, 4 * width, 4 * width};
    all.convolution("encoder.conv1", width, 3, 3);
    int layer = 0;
    for (int stage = 0; stage < 4; stage++) {
      for (int i = 0; i < 2; i++) {
        long from = i == 0 ? widths[stage] : widths[stage + 1];
        all.residual("encoder.downsamples." + layer++ + ".", from, widths[stage + 1]);
      }
      if (stage < 3) {
        String name = "encoder.downsamples." + layer++ + ".";
        all.resample(name, widths[stage + 1], widths[stage + 1]);
        if (stage > 0) {
          all.timeOfVideo(name, widths[stage + 1], widths[stage + 1]);
        }
      }
    }
    all.middle("encoder.", widths[4]);
    all.head("encoder.", widths[4], 32);
    all.latents(16);
    all.convolution("decoder.conv1", widths[4], 16, 3);
    all.middle("decoder.", widths[4]);
    layer = 0;
    for (int stage = 3; stage >= 0; stage--) {
      long out = widths[stage + 1];
      for (int i = 0; i < 3; i++) {
        // what enters a later stage was halved by the resampling before it
        long from = i > 0 || stage == 3 ? out : widths[stage + 2] / 2;
        all.residual("decoder.upsamples." + layer++ + ".", from, out);
      }
      if (stage > 0) {
        String name = "decoder.upsamples." + layer++ + ".";
        all.resample(name, out / 2, out);
        if (stage > 1) {
          all.timeOfVideo(name, 2 * out, out);
        }
      }
    }
    all.head("decoder.", width, 3);
    return all.shapes;
  }

  /// Returns the Wan2.2 autoencoder's; the real one has widths of 160 and 256.
  static Map<String, Shape> vae22(long width, long decoderWidth) {
    ModelShapes all = new ModelShapes();
    long[] down = {width, width, 2 * width, 4 * width, 4 * width};
    all.convolution("encoder.conv1", width, 12, 3);
    for (int stage = 0; stage < 4; stage++) {
      String name = "encoder.downsamples." + stage + ".downsamples.";
      all.residual(name + "0.", down[stage], down[stage + 1]);
      all.residual(name + "1.", down[stage + 1], down[stage + 1]);
      if (stage < 3) {
        all.resample(name + "2.", down[stage + 1], down[stage + 1]);
        if (stage > 0) {
          all.timeOfVideo(name + "2.", down[stage + 1], down[stage + 1]);
        }
      }
    }
    all.middle("encoder.", down[4]);
    all.head("encoder.", down[4], 96);
    all.latents(48);
    long[] up = {
      4 * decoderWidth, 4 * decoderWidth, 4 * decoderWidth, 2 * decoderWidth, decoderWidth
    };
    all.convolution("decoder.conv1", up[0], 48, 3);
    all.middle("decoder.", up[0]);
    for (int stage = 0; stage < 4; stage++) {
      String name = "decoder.upsamples." + stage + ".upsamples.";
      for (int i = 0; i < 3; i++) {
        all.residual(name + i + ".", i == 0 ? up[stage] : up[stage + 1], up[stage + 1]);
      }
      if (stage < 3) {
        all.resample(name + "3.", up[stage + 1], up[stage + 1]);
        if (stage < 2) {
          all.timeOfVideo(name + "3.", 2 * up[stage + 1], up[stage + 1]);
        }
      }
    }
    all.head("decoder.", up[4], 12);
    return all.shapes;
  }

  private void latents(long channels) {
    convolution("conv1", 2 * channels, 2 * channels, 1);
    convolution("conv2", channels, channels, 1);
  }

  private void residual(String name, long inputs, long outputs) {
    gamma(name + "residual.0.gamma", inputs);
    convolution(name + "residual.2", outputs, inputs, 3);
    gamma(name + "residual.3.gamma", outputs);
    convolution(name + "residual.6", outputs, outputs, 3);
    if (inputs != outputs) {
      convolution(name + "shortcut", outputs, inputs, 1);
    }
  }

  private void resample(String name, long outputs, long inputs) {
    put(name + "resample.1.weight", outputs, inputs, 3, 3);
    put(name + "resample.1.bias", outputs);
  }

  private void timeOfVideo(String name, long outputs, long inputs) {
    put(name + "time_conv.weight", outputs, inputs, 3, 1, 1);
    put(name + "time_conv.bias", outputs);
  }

  private void middle(String side, long width) {
    residual(side + "middle.0.", width, width);
    put(side + "middle.1.norm.gamma", width, 1, 1);
    put(side + "middle.1.to_qkv.weight", 3 * width, width, 1, 1);
    put(side + "middle.1.to_qkv.bias", 3 * width);
    put(side + "middle.1.proj.weight", width, width, 1, 1);
    put(side + "middle.1.proj.bias", width);
    residual(side + "middle.2.", width, width);
  }

  private void head(String side, long inputs, long outputs) {
    gamma(side + "head.0.gamma", inputs);
    convolution(side + "head.2", outputs, inputs, 3);
  }

  private void gamma(String name, long width) {
    put(name, width, 1, 1, 1);
  }

  private void convolution(String name, long outputs, long inputs, long kernel) {
    put(name + ".weight", outputs, inputs, kernel, kernel, kernel);
    put(name + ".bias", outputs);
  }

  private void linear(String name, long outputs, long inputs) {
    put(name + ".weight", outputs, inputs);
    put(name + ".bias", outputs);
  }

  private void put(String name, long... sizes) {
    shapes.put(name, Shape.of(sizes));
  }
}
