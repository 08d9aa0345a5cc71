package wan4j.cli;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntSupplier;
import java.util.function.Supplier;
import java.util.stream.Stream;

/// Runs commands as a user does, and what they said.
record Terminal(int code, String out, String error) {
  static final Path TEXT_TO_VIDEO = Path.of("demo/checkpoint/t2v");
  static final Path IMAGE_TO_VIDEO = Path.of("demo/checkpoint/i2v");
  static final Path TEXT_IMAGE_TO_VIDEO = Path.of("src/test/resources/golden/ckpt/ti2v-tiny");
  static final Path PICTURE = Path.of("demo/picture.png");

  static Terminal run(String... arguments) {
    return run(() -> Main.run(arguments));
  }

  /// Runs what gives an exit code.
  static Terminal run(IntSupplier command) {
    PrintStream out = System.out;
    PrintStream error = System.err;
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    ByteArrayOutputStream complained = new ByteArrayOutputStream();
    int code;
    try (PrintStream newOut = new PrintStream(said, true, StandardCharsets.UTF_8);
        PrintStream newError = new PrintStream(complained, true, StandardCharsets.UTF_8)) {
      System.setOut(newOut);
      System.setErr(newError);
      code = command.getAsInt();
    } finally {
      System.setOut(out);
      System.setErr(error);
    }
    return new Terminal(
        code, said.toString(StandardCharsets.UTF_8), complained.toString(StandardCharsets.UTF_8));
  }

  /// Makes a video of 5 frames in 2 steps; later flags are added to these, or stand in their place.
  static Terminal generate(Path checkpoint, Path target, String... more) {
    Map<String, String> usual = new LinkedHashMap<>();
    usual.put("--prompt", "a red ball");
    usual.put("--size", "64*32");
    usual.put("--frame_num", "5");
    usual.put("--sample_steps", "2");
    usual.put("--base_seed", "7");
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "generate",
                "--ckpt_dir",
                checkpoint.toString(),
                "--save_file",
                target.toString(),
                "--any_size"));
    usual.forEach((flag, value) -> {
      if (!List.of(more).contains(flag)) {
        arguments.addAll(List.of(flag, value));
      }
    });
    arguments.addAll(List.of(more));
    return run(arguments.toArray(String[]::new));
  }

  /// Runs a command whose video, a folder of frames, cannot be saved, as the folder is taken while
  /// the video is made: what it is made from stays beside it.
  static Terminal leavingLatents(Path frames, Supplier<Terminal> command) {
    Path latents = frames.resolveSibling(frames.getFileName() + ".latents.safetensors");
    Thread taker =
        Thread.ofPlatform()
            .start(() -> {
              while (!Files.exists(latents)) {
                Thread.onSpinWait();
              }
              try {
                Files.createFile(Files.createDirectory(frames).resolve("taken"));
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            });
    Terminal run = command.get();
    try {
      taker.join();
      Files.delete(frames.resolve("taken"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    return run;
  }

  /// Returns the names of what lies in a folder.
  static List<String> names(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
