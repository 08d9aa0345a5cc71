package wan4j.cuda.bind;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class DriverReleaseTest {
  @TempDir private Path folder;

  @ParameterizedTest
  @CsvSource({
    "NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC 2024, 535.183.01",
    "NVIDIA UNIX Open Kernel Module for x86_64  580.159.04  Release Build  (root), 580.159.04",
    "NVIDIA UNIX Open Kernel Module for x86_64  610.20  Release Build, 610.20",
    "NVIDIA UNIX x86_64 Kernel Module, ",
  })
  void theModuleTellsItsVersion(String module, String version) throws IOException {
    Path file = folder.resolve("version");
    Files.writeString(
        file, "NVRM version: " + module + "\nGCC version:  gcc version 12.3.0 (Ubuntu)\n");
    assertThat(DriverRelease.of(file)).isEqualTo(version);
  }

  @Test
  void aMachineWithoutTheModuleHasNone() {
    assertThat(DriverRelease.of(folder.resolve("none"))).isNull();
  }
}
