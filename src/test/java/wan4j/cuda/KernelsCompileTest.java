package wan4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.cuda.KernelInstances.Cover;
import wan4j.cuda.bind.Nvrtc;
import wan4j.cuda.jit.KernelCache;
import wan4j.cuda.jit.KernelCompiler;
import wan4j.cuda.jit.KernelSource;
import wan4j.cuda.jit.NvrtcCompiler;

/// The kernels of the full-size networks compile for Hopper and keep their values in registers: a
/// few of each file with nvcc, all of them with NVRTC. The few have every value of every constant;
/// `-Dwan4j.kernels=pairs` takes every pair of values, which takes nvcc three times as long, and
/// `-Dwan4j.kernels=all` all instances.
class KernelsCompileTest {
  private static final Cover COVER =
      Cover.valueOf(System.getProperty("wan4j.kernels", "values").toUpperCase(Locale.ROOT));
  private static final int TOGETHER = 14; // the few make eight programs
  private static final Pattern INCLUDE = Pattern.compile("(?m)^#include \"(.*)\"$");
  private static final Pattern FUNCTION = Pattern.compile("Function properties for .*?i(\\d+)_");

  @TempDir private Path folder;

  @Test
  void nvccCompilesThemWithoutSpilling() {
    Path compiler = compiler();
    assumeTrue(compiler != null, "there is no nvcc on the path");
    List<List<KernelSource>> together = together();
    assertThat(
            IntStream.range(0, together.size())
                .parallel()
                .mapToObj(i -> spills(compiler, together.get(i), folder.resolve("program" + i)))
                .flatMap(List::stream))
        .isEmpty();
  }

  /// Returns lists of instances that are compiled together, since what nvcc includes before a
  /// kernel takes it longer than most kernels.
  private static List<List<KernelSource>> together() {
    List<List<KernelSource>> together = new ArrayList<>();
    for (KernelSource source : KernelInstances.of(COVER)) {
      List<KernelSource> last = together.isEmpty() ? null : together.getLast();
      if (last == null || last.size() == TOGETHER) {
        last = new ArrayList<>();
        together.add(last);
      }
      last.add(source);
    }
    return together;
  }

  /// Returns what nvcc says of instances but for kernels that keep all in registers.
  private static List<String> spills(Path compiler, List<KernelSource> sources, Path name) {
    StringBuilder program = new StringBuilder();
    for (int i = 0; i < sources.size(); i++) {
      program.append(inNamespace("i%d_".formatted(i), sources.get(i)));
    }
    String report = report(compiler, program.toString(), name);
    List<String> spills = new ArrayList<>();
    Set<Integer> seen = new TreeSet<>();
    int instance = -1;
    for (String line : report.lines().toList()) {
      Matcher function = FUNCTION.matcher(line);
      if (function.find()) {
        instance = Integer.parseInt(function.group(1));
      } else if (line.contains("spill stores")) {
        seen.add(instance);
        if (instance < 0 || !line.contains("0 bytes stack frame, 0 bytes spill stores")) {
          String which = instance < 0 ? "" : KernelInstances.line(sources.get(instance).program());
          spills.add(which + ": " + line.strip());
        }
      }
    }
    if (seen.size() < sources.size()) {
      spills.add("nvcc told of %s of %s: %s".formatted(seen, sources, report));
    }
    return spills;
  }

  /// Returns an instance with all that it includes in a namespace, so that others of the same names
  /// can stand beside it.
  private static String inNamespace(String namespace, KernelSource source) {
    String text = expanded(source.program(), new HashSet<>());
    return "namespace %s {\n%s}\n"
        .formatted(namespace, text.replace("#pragma once", "").replace("extern \"C\"", ""));
  }

  private static String expanded(String text, Set<String> included) {
    return INCLUDE
        .matcher(text)
        .replaceAll(match -> {
          String file = match.group(1);
          if (!included.add(file)) {
            return "";
          }
          try {
            String inner = Files.readString(Path.of("src/main/cuda").resolve(file));
            return Matcher.quoteReplacement(expanded(inner, included));
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
  }

  /// Compiles and returns what nvcc and ptxas say, also of what does not compile.
  private static String report(Path compiler, String program, Path name) {
    try {
      Path file = Files.writeString(Path.of(name + ".cu"), program, StandardCharsets.UTF_8);
      Process process =
          new ProcessBuilder(
                  compiler.toString(),
                  "-gencode=arch=compute_90a,code=sm_90a",
                  "-std=c++17",
                  "-Xptxas=-v",
                  "-cubin",
                  "-o",
                  name + ".cubin",
                  file.toString())
              .redirectErrorStream(true)
              .start();
      String report = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return process.waitFor() == 0 ? report : "nvcc failed: " + report.replace("spill", "");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  @Test
  void nvrtcCompilesThemWithNoHeaderOfTheToolkit() {
    assumeTrue(Nvrtc.isPresent(), "there is no NVRTC on this machine");
    KernelCache cache = new KernelCache(new NvrtcCompiler(), folder, false);
    assertThat(KernelInstances.all().parallelStream().map(cache::cubin).toList())
        .allSatisfy(cubin -> assertThat(cubin).startsWith(0x7F, 'E', 'L', 'F'));
  }

  @Test
  void theCompilerIsGivenNothingButFilesOfOurs() {
    KernelCompiler compiler =
        new KernelCompiler() {
          @Override
          public String version() {
            return "a compiler that looks";
          }

          @Override
          public byte[] compile(
              String name, String program, Map<String, String> headers, List<String> options) {
            assertThat(headers.keySet())
                .allMatch(header -> Files.exists(Path.of("src/main/cuda").resolve(header)));
            assertThat(options)
                .noneMatch(option -> option.startsWith("-I") || option.startsWith("--include"))
                .noneMatch(option -> option.startsWith("--pre-include"));
            return new byte[] {1};
          }
        };
    KernelCache cache = new KernelCache(compiler, folder, false);
    for (KernelSource source : KernelInstances.of(COVER)) {
      assertThat(cache.cubin(source)).containsExactly(1);
    }
  }

  /// NVRTC knows no builtins of the host's compiler, which nvcc takes.
  @Test
  void noBuiltinOfAHostCompilerIsUsed() throws IOException {
    try (Stream<Path> files = Files.list(Path.of("src/main/cuda"))) {
      for (Path file : files.toList()) {
        assertThat(Files.readString(file)).as("%s", file).doesNotContain("__builtin_");
      }
    }
  }

  @Test
  void noKernelFileIsForgotten() throws IOException {
    try (Stream<Path> files = Files.list(Path.of("src/main/cuda"))) {
      assertThat(KernelInstances.of(COVER))
          .extracting(KernelSource::file)
          .containsAll(
              files
                  .map(file -> file.getFileName().toString())
                  .filter(name -> name.endsWith(".cu"))
                  .toList());
    }
  }

  private static Path compiler() {
    return Arrays.stream(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator, -1))
        .map(entry -> Path.of(entry).resolve("nvcc"))
        .filter(Files::isExecutable)
        .findFirst()
        .orElse(null);
  }
}
