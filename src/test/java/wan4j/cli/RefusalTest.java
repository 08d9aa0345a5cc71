package wan4j.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static wan4j.cli.Terminal.IMAGE_TO_VIDEO;
import static wan4j.cli.Terminal.PICTURE;
import static wan4j.cli.Terminal.TEXT_IMAGE_TO_VIDEO;
import static wan4j.cli.Terminal.TEXT_TO_VIDEO;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// What users get for what cannot be used: exit code 2, one sentence, and nothing written.
final class RefusalTest {
  @TempDir Path folder;

  private Path outputs;

  @BeforeEach
  void makeFolder() throws IOException {
    outputs = Files.createDirectory(folder.resolve("outputs"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "--use_prompt_extend",
        "--prompt_extend_method local_qwen",
        "--prompt_extend_model x",
        "--prompt_extend_target_lang en"
      })
  void aFlagWhoseFeatureIsNotThereIsRefusedByItsName(String flag) {
    String[] words = flag.split(" ", -1);
    refuses(TEXT_TO_VIDEO, words, words[0]);
    words[0] = "--" + words[0].substring(2).replace('_', '-');
    refuses(TEXT_TO_VIDEO, words, words[0] + " was given, but this build does not have");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "--num_clip 2",
        "--audio x.wav",
        "--enable_tts",
        "--tts_prompt_audio x.wav",
        "--tts_prompt_text x",
        "--tts_text x",
        "--pose_video x.mp4",
        "--start_from_ref",
        "--infer_frames 80",
        "--mux reference",
      })
  void aFlagOfSpeechIsRefusedByATaskThatHearsNone(String flag) {
    String[] words = flag.split(" ", -1);
    refuses(
        TEXT_TO_VIDEO, words, words[0] + " was given, but task t2v-A14B hears no speech; leave it");
  }

  @ParameterizedTest
  @CsvSource({
    "--frame_num 80, try 77 or 81",
    "--frame_num 0, frame_num got 0",
    "--frame_num many, many",
    "--size 100, give width*height",
    "--size 50*50, try 48*48",
    "--size 99999*64, each side",
    "--size 8192*8192 --frame_num 81, fewer frames",
    "--sample_steps 0, --sample_steps got 0; it takes a whole number from 1 to 1000",
    "--steps 99999999999, '--steps got \"99999999999\"; it takes a whole number from 1 to 1000'",
    "--frames x, it takes a whole number from 1 to 2147483647",
    "--seed x, '--seed got \"x\"; it takes a whole number from -1 to 18446744073709551615'",
    "--base_seed 18446744073709551616, --base_seed got 18446744073709551616; it takes a whole"
        + " number",
    "--base_seed -2, --base_seed got -2; it takes a whole number from -1 to 18446744073709551615",
    "--shift 0, --shift got 0.0",
    "--sample-shift 0, --sample-shift got 0.0",
    "--seed -1 --base_seed 7, --seed and --base_seed are one flag",
    "--negative_prompt --size, '--negative_prompt got no value, since the flag --size follows'",
    "--negative_prompt=--size=3, '--negative_prompt got no value, since the flag --size follows'",
    "--sample_steps 1001, 1 to 1000",
    "--sample_shift NaN, sample_shift",
    "--sample_shift 0, sample_shift",
    "--sample_guide_scale NaN, sample_guide_scale",
    "'--sample_guide_scale 1,2,3', LOW",
    "--sample_guide_scale high, LOW",
    "--sample_shift far, it takes a number",
    "--sample_steps few, it takes a whole number",
    "--promt x, did you mean --prompt",
    "--some-flag x, has no flag --some-flag",
    "--json --quiet, give one of them",
    "--resume --magcache_calibration x.json, one of them",
    "--magcache_calibration nowhere/x.json, nowhere does not exist; create it first",
    "--magcache_calibration demo, which is a folder",
    "--save_latents demo/picture.png/x, not a folder",
    "'--lora ', names no file",
    "--lora :2, names no file",
    "--quantize --fp8_skip blocks, leaves no layer in FP8",
    "--sample_solver ddim, unipc",
    "--noise tpu, cpu or cuda",
    "--device tpu, cpu or cuda",
    "--task i2v-A14B, is a checkpoint of t2v-A14B",
    "--task s2v-14B, is a checkpoint of t2v-A14B",
    "--num_clip 0, --num_clip got 0; it takes a whole number from 1",
    "--infer_frames 0, --infer_frames got 0; it takes a whole number from 4",
    "--image none.png, none.png",
    "--quality 60, it takes a whole number from 12 to 51",
    "--quality 11, it takes a whole number from 12 to 51",
    "--image demo, demo is a folder",
    "--image /dev/null, is a pipe or a device",
    "'--image ', --image got an empty name",
    "'--save_latents ', --save_latents got an empty name",
    "--offload_model maybe, True or False",
    "--use_magcache --magcache_thresh NaN, magcache_thresh",
    "--use_magcache --magcache_K -1, magcache_K",
    "--use_magcache --retention_ratio 2, retention_ratio",
    "--use_magcache --magcache_ratios none.json, none.json",
    "--magcache_thresh 0.1, without --use_magcache",
    "--cache teacache, 'give none, magcache or easycache'",
    "--cache easycache --use_magcache, give one of them",
    "--easycache_thresh 0.1, without --cache easycache",
    "--cache easycache --easycache_thresh -1, easycache_thresh got -1.0",
    "--cache easycache --easycache_steps 0, --easycache_steps got 0",
    "--cache none --magcache_K 1, without --use_magcache",
    "--cfg_gate 2, cfg_gate got 2.0",
    "--overwrite, without --requests",
    "--speed warp, 'give exact, balanced or fast'",
    "'--speed ', 'give exact, balanced or fast'",
    "--preview_format gif, without --preview",
    "--preview 1 --preview_format avif, give png",
    "--preview 0, --preview got 0",
    "--encoder vp9, 'give openh264, x264 or nvenc'",
    "--encoder x264, 'the FFmpeg at hand has no libx264; give openh264'",
    "--encoder nvenc, '; give openh264'",
    "--clips 0, --clips got 0",
    "--clips 2 --clip_overlap 4, give 4n+1 frames",
    "--clip_overlap 1, add --clips 2",
    "--clips 2 --save_latents out, for videos of one clip",
    "--clips 2, --clip_overlap got 5 for clips of 5 frames",
    "--last_image demo/picture.png, add --image",
    "--compile --device cpu, '--compile was given, but only a GPU'",
    "--compile_mode max-autotune --device cpu, '--compile_mode was given, but only a GPU'",
    "--compile maybe, give True or False",
    "--compile_mode fast, give default",
    "--compile False --compile_mode default, exclude each other",
    "--use_magcache --magcache_calibration, calibrate first",
    "--prompt_file none.txt, both given",
    "--prompt_file demo, both given",
    "--fp8_recipe PerTokenScaling, add it",
    "--fp8_recipe PerTokenScaling --quantize False, leave one of them out",
    "--fp8_skip blocks.0 --quantize False, leave one of them out",
    "--fp8_skip blocks.0, stores no layer in FP8",
    "--quantize --fp8_skip blocks.77, names no linear layer",
    "--quantize --fp8_skip head, stays in float32 anyway",
    "--quantize --fp8_skip text_embedding, stays in bfloat16 anyway",
    "--quantize --fp8_recipe Other, PerTokenScaling",
    "--tf32, --tf32",
    "--tf32 True --device cpu, leave it out",
    "--tf32 --precision fp32 --device cpu, leave it out",
    "--precision bf16 --device cpu, --precision bf16 was given",
    "--precision fp8, bf16 or fp32",
    "--convert_model_dtype, leave it out",
    "--resume, found no",
    "--resume --save_latents x, one of them",
    "--save_latents demo/picture.png, give a folder",
    "--colour red, --colour",
    "--lora none.safetensors, none.safetensors",
    "--lora none.safetensors:NaN, STRENGTH",
    "--compare bf16, nothing is quantised",
    "--quantize --compare fp32, give bf16",
    "--quantize --compare bf16 --resume, one of them",
    "--lora demo/picture.png, picture.png",
    "--lora_mode side, without a LoRA",
    "--lora demo/picture.png --lora_mode other, merge or side",
    "--lora_high src/test/resources/golden/lora/native-updown-noalpha/lora.safetensors:0.5, choose"
        + " another",
  })
  void aValueThatCannotBeUsedIsRefusedWithTheCure(String flags, String fragment) {
    refuses(TEXT_TO_VIDEO, flags.split(" ", -1), fragment);
  }

  @Test
  void whatCannotHoldTheVideoIsRefusedBeforeAnythingIsComputed() {
    Path picture = outputs.resolve("out.png");
    Terminal run = Terminal.generate(TEXT_TO_VIDEO, picture);
    assertThat(run.code()).isEqualTo(2);
    assertThat(run.error()).contains("5 frames as the one picture").doesNotContain("text:");
    Path same = outputs.resolve("frames");
    assertThat(Terminal.generate(TEXT_TO_VIDEO, same, "--save_latents", same.toString()).error())
        .contains("--save_latents and --save_file both got");
    assertThat(
            Terminal.generate(TEXT_TO_VIDEO, outputs.resolve("a.mkv"), "--quality", "16").error())
        .contains("it is for .mp4");
    assertThat(Terminal.names(outputs)).isEmpty();
  }

  @Test
  void figuresThatCouldNotBeWrittenBesideTheVideoAreRefusedBeforeAnythingIsComputed()
      throws IOException {
    Files.createDirectory(outputs.resolve("a.mkv.compare.json"));
    Terminal run =
        Terminal.generate(
            TEXT_TO_VIDEO, outputs.resolve("a.mkv"), "--quantize", "--compare", "bf16");
    assertThat(run.code()).isEqualTo(2);
    assertThat(run.error())
        .contains("a.mkv.compare.json, which is a folder")
        .doesNotContain("text:");
    assertThat(Terminal.names(outputs)).containsExactly("a.mkv.compare.json");
  }

  @Test
  void oneTransformerTakesOneGuidance() {
    Terminal run =
        Terminal.generate(
            TEXT_IMAGE_TO_VIDEO, outputs.resolve("a.mkv"), "--sample_guide_scale", "3,9");
    assertThat(run.code()).isEqualTo(2);
    assertThat(run.error()).contains("has one transformer; give one number");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "verify src/test/resources/golden/schedulers --kind schedulers,rnng | no reference case has"
            + " the kind rnng",
        "verify src/test/resources/golden/schedulers --commit abc | without --json",
        "verify src/test/resources/golden/schedulers --json README.md | README.md",
        "demo --check 1000000000 | --check got 1000000000; it takes a whole number from 1 to 10000",
        "demo --check=2 --prompt x | leave it out",
        "demo --check=2 --json | leave it out",
        "demo --out README.md | it is a file",
        "inspect demo/checkpoint/t2v --size 97*97 | multiples of 16",
        "inspect demo/checkpoint/t2v --frame_num 6 | frame_num got 6",
        "convert demo/checkpoint/t2v --out demo/checkpoint/t2v/a/b | in the checkpoint itself",
        "compare demo/picture.png README.md more | compare has no place for more",
        "compare demo/picture.png demo/picture.png --exif turn | give apply or ignore",
        "compare a.mkv b.mkv --exif ignore | neither a.mkv nor b.mkv holds pictures",
        "compare src/test/resources/reports/files/21-latents/nan.safetensors"
            + " src/test/resources/reports/files/21-latents/f.safetensors | expected finite"
            + " floating-point numbers",
        "compare src/test/resources/reports/files/21-latents/bool.safetensors"
            + " src/test/resources/reports/files/21-latents/f.safetensors | expected finite"
            + " floating-point numbers",
        "compare src/test/resources/reports/files/21-latents/zero.safetensors"
            + " src/test/resources/reports/files/21-latents/f.safetensors | expected finite"
            + " floating-point numbers",
        "compare src/test/resources/reports/files/21-latents/scalar.safetensors"
            + " src/test/resources/reports/files/21-latents/f.safetensors | expected finite"
            + " floating-point numbers",
        "bench gemm --device cpu --rows -1 | --rows got -1; it takes a whole number from 1 to",
        "bench layers --device cpu --rows 0 | --rows got 0; it takes a whole number from 1 to",
        "bench vae --device cpu --runs 0 | --runs got 0",
        "bench forward --device cpu --share 0 | --share got 0",
        "bench forward --device cpu --layers -1 | --layers got -1",
        "bench load --device cpu --gigabytes NaN | --gigabytes got NaN",
        "bench load --device cpu --folder none | --folder got none, which is not a folder",
        "bench report --folder src | holds no file of wan4j bench",
        "benhc | wan4j has no command benhc; did you mean bench",
        "bench blokc | wan4j bench has no command blokc",
      })
  void commandsRefuseWhatTheyCannotUse(String arguments, String fragment) {
    Terminal run = Terminal.run(arguments.split(" ", -1));
    assertThat(run.code()).isEqualTo(2);
    assertThat(run.out()).isEmpty();
    assertThat(run.error().lines().filter(line -> line.startsWith("wan4j: "))).hasSize(1);
    assertThat(run.error()).contains(fragment);
  }

  @Test
  void aConversionThatIsRefusedLeavesNoFolders() {
    Path target = outputs.resolve("a").resolve("b").resolve("c");
    Terminal run =
        Terminal.run(
            "convert", TEXT_TO_VIDEO.toString(), "--fp8_skip", "x", "--out", target.toString());
    assertThat(run.code()).isEqualTo(2);
    assertThat(Terminal.names(outputs)).isEmpty();
  }

  @Test
  void aSizeThatTheModelWasNotTrainedForIsRefusedWithTheList() {
    Terminal run =
        Terminal.run(
            "generate",
            "--ckpt_dir",
            TEXT_TO_VIDEO.toString(),
            "--prompt",
            "x",
            "--size",
            "1000*1000",
            "--save_file",
            outputs.resolve("out.mp4").toString());
    assertRefused(run, "720*1280, 1280*720, 480*832, 832*480");
  }

  @Test
  void aLoraThatLeadsToNoNumbersEndsTheRequest() {
    String file = "src/test/resources/golden/lora/native-updown-noalpha/lora.safetensors";
    for (String mode : List.of("merge", "side")) {
      refuses(
          TEXT_IMAGE_TO_VIDEO,
          new String[] {"-q", "--lora", file + ":3e38", "--lora_mode", mode},
          "after step 1 of 2");
    }
  }

  @Test
  void aPromptAndACheckpointAreNeeded() {
    assertRefused(Terminal.run("generate", "--prompt", "x"), "--ckpt_dir");
    Terminal run = Terminal.run("generate", "--ckpt_dir", TEXT_TO_VIDEO.toString());
    assertRefused(run, "--prompt");
  }

  @Test
  void aPromptFileMustBeUtf8AndThere() throws IOException {
    Path file = folder.resolve("prompt.txt");
    Files.write(file, new byte[] {'a', (byte) 0xC3, '('});
    for (String[] rest :
        new String[][] {
          {file.toString(), "not UTF-8"},
          {"none", "the file none does not exist"},
          {"demo", "demo is a folder, expected a text file with the prompt"},
          {"/dev/zero", "is a pipe or a device"},
          {"", "--prompt_file got an empty name"},
          {Files.createFile(folder.resolve("empty")).toString(), "is empty"},
          {
            Files.write(folder.resolve("long"), new byte[(1 << 20) + 1]).toString(),
            "more than 1,048,576 bytes"
          },
        }) {
      Terminal run =
          Terminal.run(
              "generate",
              "--ckpt_dir",
              TEXT_TO_VIDEO.toString(),
              "--prompt_file",
              rest[0],
              "--save_file",
              outputs.resolve("out.mp4").toString());
      assertRefused(run, rest[1]);
    }
  }

  @Test
  void picturesThatCannotBeUsedAreRefused() throws IOException {
    refuses(IMAGE_TO_VIDEO, new String[0], "--image");
    refuses(TEXT_TO_VIDEO, new String[] {"--image", PICTURE.toString()}, "got an image");
    Path text = Files.writeString(folder.resolve("text.png"), "no picture");
    refuses(IMAGE_TO_VIDEO, new String[] {"--image", text.toString()}, "text.png");
    byte[] png = Files.readAllBytes(PICTURE);
    Path cut = Files.write(folder.resolve("cut.png"), Arrays.copyOf(png, png.length / 2));
    refuses(IMAGE_TO_VIDEO, new String[] {"--image", cut.toString()}, "cut.png");
    // the width and height of the header
    ByteBuffer.wrap(png).putInt(16, 100_000).putInt(20, 100_000);
    Path bomb = Files.write(folder.resolve("bomb.png"), png);
    refuses(IMAGE_TO_VIDEO, new String[] {"--image", bomb.toString()}, "bomb.png");
    refuses(IMAGE_TO_VIDEO, new String[] {"--image", folder.toString()}, "is a folder");
    refuses(IMAGE_TO_VIDEO, new String[] {"--image", "/dev/zero"}, "is a pipe or a device");
    refuses(IMAGE_TO_VIDEO, new String[] {"--image", ""}, "name");
    refuses(
        IMAGE_TO_VIDEO, new String[] {"--image", "none.png"}, "the file none.png does not exist");
    refuses(TEXT_TO_VIDEO, new String[] {"--exif", "ignore"}, "add --image");
    refuses(
        IMAGE_TO_VIDEO,
        new String[] {"--image", PICTURE.toString(), "--exif", "turn"},
        "give apply or ignore");
  }

  @Test
  void targetsThatCannotBeWrittenAreRefusedBeforeAnythingIsComputed() {
    for (String target : List.of("none/out.mp4", "out.avi", "out.txt")) {
      Terminal run = Terminal.generate(TEXT_TO_VIDEO, outputs.resolve(target));
      assertRefused(run, target.contains("/") ? "none" : target);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "/ | --save_file got /, which is a folder; give a name in it",
        ". | --save_file got ., which is a folder; give a name in it",
        "- | a video cannot go to standard output",
        ".mp4 | which is an ending without a name; give one such as video.mp4",
        "demo/picture.png/a.mp4 | demo/picture.png is not a folder",
        "/dev/null.mp4/a.mp4 | the folder /dev/null.mp4 does not exist",
        "'' | --save_file got an empty name",
      })
  void whatIsNoNameOfAVideoIsRefusedByItsKind(String target, String fragment) {
    assertRefused(Terminal.generate(TEXT_TO_VIDEO, Path.of(target)), fragment);
    assertThat(Path.of("-")).doesNotExist();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--gpus 2 --device cpu | --gpus 2 was given, but on the device cpu the processors work"
            + " together anyway",
        "--ulysses_size 8 --dit_fsdp --t5_fsdp --device cpu | --ulysses_size 8 was given, but on"
            + " the device cpu",
        "--cfg_parallel True --device cpu | --cfg_parallel True was given, but on the device cpu",
        "--gpus 0 | --gpus got 0; give 1 or more",
        "--ulysses_size 0 | --ulysses_size got 0; give 1 or more",
        "--rank_timeout 0 --gpus 2 --device cuda | --rank_timeout got 0.0; give seconds",
        "--overlap_exchange True --device cuda | was given for one GPU, which exchanges nothing",
        "--dit_fsdp | --dit_fsdp was given for one GPU",
        "--gpus 2 --t5_fsdp --t5_cpu --device cuda | --t5_fsdp was given with --t5_cpu",
        "--dit_fsdp --t5_fsdp True | --dit_fsdp and --t5_fsdp was given for one GPU",
        "--device cuda:x | device got \"cuda:x\"; give cuda:0, cuda:1 and so on, cuda, or cpu",
        "--cfg_parallel maybe | --cfg_parallel got \"maybe\"; give True or False",
      })
  void ranksThatCannotBeAreRefused(String flags, String sentence) {
    refuses(TEXT_TO_VIDEO, flags.split(" ", -1), sentence);
  }

  @Test
  void namesBesideTheVideoAreCheckedBeforeAnythingIsComputed() throws IOException {
    Terminal run = Terminal.generate(TEXT_TO_VIDEO, outputs.resolve("a".repeat(190) + ".mkv"));
    assertRefused(run, "choose a shorter name");
    Path latents = Files.createDirectory(outputs.resolve("a.mkv.latents.safetensors"));
    Terminal taken = Terminal.generate(TEXT_TO_VIDEO, outputs.resolve("a.mkv"));
    assertThat(taken.code()).isEqualTo(2);
    assertThat(taken.error())
        .contains("cannot write " + latents + ", which is a folder")
        .doesNotContain("text  ");
  }

  @Test
  void switchesOfLaterTasksThatAreOffAskForNothing() {
    Terminal run =
        Terminal.generate(
            TEXT_TO_VIDEO,
            outputs.resolve("out.mkv"),
            "--t5_fsdp",
            "False",
            "--compile=no",
            "--ulysses-size",
            "1",
            "--start_from_ref",
            "False");
    assertThat(run.code()).as(run.error()).isZero();
  }

  @Test
  void helpOfAWordThatIsNoCommandSaysWhereTheCommandsAre() {
    Terminal run = Terminal.run("help", "nothing");
    assertThat(run.code()).isEqualTo(2);
    assertThat(run.error().strip())
        .isEqualTo("wan4j: wan4j has no command nothing; see wan4j --help");
  }

  @Test
  void whatBeginsWithAnAtSignOrDashesIsTextAndNoFile() throws IOException {
    Path file = Files.writeString(folder.resolve("secret"), "--colour red");
    Terminal run = Terminal.run("inspect", "@" + file);
    assertRefused(run, "@" + file + " does not exist");
    for (String prompt : List.of("--well-lit stars", "-quiet", "--well-lit=no", "-1")) {
      Terminal dashed =
          Terminal.generate(
              TEXT_TO_VIDEO, folder.resolve("none.mkv"), "--prompt", prompt, "--resume");
      assertThat(dashed.error()).as(prompt).contains("--resume found no");
    }
  }

  @Test
  void sentencesNameAFlagAsItWasTyped() {
    for (String[] typed :
        new String[][] {
          {"--frames", "80", "--frames got 80"},
          {"--frame-num", "80", "--frame-num got 80"},
          {"--shift", "0", "--shift got 0.0"},
          {"--guidance", "high", "--guidance got"},
        }) {
      Terminal run =
          Terminal.run(
              "generate",
              "--checkpoint",
              "demo/checkpoint/t2v",
              "--prompt",
              "x",
              typed[0],
              typed[1]);
      assertRefused(run, typed[2]);
    }
    assertRefused(Terminal.run("generate", "--checkpoint=demo", "--prompt", "x"), "demo is no");
  }

  @ParameterizedTest
  @ValueSource(strings = {"s2v", "animate"})
  void aCheckpointOfALaterTaskIsNamedAsWhatItIs(String kind) throws IOException {
    Path copy = copy();
    for (String expert : List.of("high_noise_model", "low_noise_model")) {
      Path config = copy.resolve(expert).resolve("config.json");
      String text = Files.readString(config);
      Files.delete(config);
      Files.writeString(config, text.replace("\"t2v\"", "\"" + kind + "\""));
    }
    refuses(copy, new String[0], kind);
  }

  @Test
  void whatFilesAndArgumentsBringIntoASentenceIsOneShortLine() {
    Terminal run = Terminal.run("inspect", "a\u001b[31m\u202e\nb" + "c".repeat(5000));
    assertThat(run.code()).isEqualTo(2);
    assertThat(run.error().lines()).hasSize(1);
    assertThat(run.error())
        .startsWith("wan4j: a?[31m? bccc")
        .endsWith("check the path\n")
        .hasSizeLessThan(1300);
  }

  @ParameterizedTest
  @CsvSource({
    "high_noise_model/config.json, NaN, (Non-standard token 'NaN'); download it again",
    "high_noise_model/config.json, empty, config.json",
    "high_noise_model/diffusion_pytorch_model-00001-of-00001.safetensors, cut, safetensors",
    "low_noise_model/diffusion_pytorch_model-00001-of-00001.safetensors, missing, safetensors",
    "low_noise_model/diffusion_pytorch_model.safetensors.index.json, empty, index.json",
    "low_noise_model/config.json, missing, config.json",
    "Wan2.1_VAE.pth, cut, Wan2.1_VAE.pth",
    "Wan2.1_VAE.pth, missing, VAE",
    "models_t5_umt5-xxl-enc-bf16.pth, cut, models_t5",
    "models_t5_umt5-xxl-enc-bf16.pth, missing, text encoder",
    "google/umt5-xxl/tokenizer.json, cut, tokenizer.json",
    "google/umt5-xxl/tokenizer.json, missing, umt5-xxl",
  })
  void aDamagedCheckpointIsRefused(String file, String damage, String fragment) throws IOException {
    Path copy = copy();
    Path target = copy.resolve(file);
    byte[] bytes = Files.readAllBytes(target);
    Files.delete(target);
    switch (damage) {
      case "NaN" ->
          Files.writeString(
              target,
              new String(bytes, java.nio.charset.StandardCharsets.UTF_8)
                  .replaceFirst("\"dim\": \\d+", "\"dim\": NaN"));
      case "empty" -> Files.write(target, new byte[0]);
      case "cut" -> Files.write(target, Arrays.copyOf(bytes, bytes.length / 2));
      default -> assertThat(damage).isEqualTo("missing");
    }
    refuses(copy, new String[0], fragment);
  }

  @Test
  void aFolderThatIsNoCheckpointIsRefusedByEveryCommand() {
    refuses(folder.resolve("none"), new String[0], "does not exist");
    refuses(outputs, new String[0], "not a Wan2.2 checkpoint");
    assertRefused(Terminal.run("inspect", outputs.toString()), "not a Wan2.2 checkpoint");
    assertRefused(Terminal.run("verify", outputs.toString()), "no reference case");
    assertRefused(Terminal.run("compare", "a.mp4", "b.safetensors"), "two kinds");
    assertRefused(Terminal.run("compare", "a.mp4", "b.mp4"), "a.mp4");
    assertRefused(
        Terminal.run("verify", "src/test/resources/golden/metrics", "--kind", "none"),
        "schedulers");
    for (String command : new String[] {"bench block", "bench forward", "verify x"}) {
      String[] words = (command + " --device cpu --residual bf16").split(" ", -1);
      assertRefused(Terminal.run(words), "--device cuda");
    }
    String[] attention = {"verify", "src/test/resources/golden/dit", "--attention", "wan4j"};
    assertRefused(Terminal.run(attention), "--device cuda");
    attention[3] = "flash";
    assertRefused(Terminal.run(attention), "give wan4j");
    assertRefused(Terminal.run("paint"), "paint");
    assertRefused(
        Terminal.run("verify", "src/test/resources/golden/schedulers", "--precision", "bf16"),
        "--device cuda");
    assertRefused(
        Terminal.run("bench", "attention", "--device", "cpu", "--tf32"), "computes in fp32 alone");
    assertRefused(Terminal.run("demo", "--check", "0"), "--check");
  }

  private void refuses(Path checkpoint, String[] flags, String fragment) {
    assertRefused(Terminal.generate(checkpoint, outputs.resolve("out.mp4"), flags), fragment);
  }

  private void assertRefused(Terminal run, String fragment) {
    assertThat(run.code()).as(run.error()).isEqualTo(2);
    assertThat(run.error()).startsWith("wan4j: ").contains(fragment);
    assertThat(run.error().lines()).as("one sentence").hasSize(1);
    assertThat(Terminal.names(outputs)).isEmpty();
  }

  /// The text-to-video model with links in place of its large files.
  private Path copy() throws IOException {
    Path copy = folder.resolve("checkpoint");
    try (Stream<Path> files = Files.walk(TEXT_TO_VIDEO)) {
      for (Path file : files.toList()) {
        Path target = copy.resolve(TEXT_TO_VIDEO.relativize(file).toString());
        if (Files.isDirectory(file)) {
          Files.createDirectories(target);
        } else {
          Files.createLink(target, file);
        }
      }
    }
    return copy;
  }
}
