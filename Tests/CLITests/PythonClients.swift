import Foundation

/// Python with the clients that the set-up installs from the network, which may not be there.
enum PythonClients {
    static let directory = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../.build/clients").standardized.path()
    static let python = "\(directory)/bin/python"

    /// Whether all of these modules are installed.
    static func has(_ modules: String...) -> Bool {
        let libraries = "\(directory)/lib"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: libraries)) ?? []
        guard FileManager.default.isExecutableFile(atPath: python) else { return false }
        return modules.allSatisfy { module in
            versions.contains {
                FileManager.default.fileExists(atPath: "\(libraries)/\($0)/site-packages/\(module)/__init__.py")
            }
        }
    }
}
