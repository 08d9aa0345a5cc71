package wan4j.cpu;

import java.io.IOException;

/// A process that extracts the libraries of OpenBLAS and names their files.
final class ExtractingProcess {
  private ExtractingProcess() {}

  /// Extracts.
  public static void main(String[] arguments) throws IOException {
    OpenBlasFiles.extract().forEach(System.out::println);
  }
}
