import Foundation
import VaultDB

/// The register of erasures as a file of JSON Lines, to be kept beside backups: one from before them is brought up to
/// date with it after a restore. It names ids and times only.
struct ErasureFile {
    private static let bytesMax = 256 << 20
    private static let pageErasures = 1_000

    /// Writes the whole register.
    /// - Returns: how many erasures there are.
    static func write(of organization: Organization, to path: String, replaces: Bool) throws -> Int {
        try NewFile.write(path, replaces: replaces) { file in
            var (count, last): (Int, UUID?) = (0, nil)
            repeat {
                let page = try organization.erasures(after: last, limit: pageErasures)
                for erasure in page {
                    try file.addLine(erasure.json.adding(["organization_id": .string(organization.id.text)]).text)
                }
                count += page.count
                last = page.count < pageErasures ? nil : page.last?.identity
            } while last != nil
            return count
        }
    }

    /// Reads all of a register, from a file or a pipe or, for `-`, stdin, so that nothing is done where a line of it is
    /// no erasure.
    static func read(_ path: String, for organization: UUID) throws(Failure) -> [Erasure] {
        let name = path == "-" ? "stdin" : path
        let data = try bytes(of: path, name)
        var erasures: [Erasure] = []
        for (index, line) in data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated()
        where !line.isEmpty {
            guard let element = try? JSONElement(parsing: line.span), let erasure = Erasure(element) else {
                throw Failure(
                    .failed, "\(name):\(index + 1) is no erasure; nothing was done",
                    advice: "give a file that erasures --export wrote")
            }
            if let owner = element["organization_id"]?.string, UUID(uuidString: owner) != organization {
                throw Failure(
                    .failed, "\(name):\(index + 1) is of the organization \(owner); nothing was done",
                    advice: "name that one with --org")
            }
            erasures.append(erasure)
        }
        return erasures
    }

    private static func bytes(of path: String, _ name: String) throws(Failure) -> Data {
        let data: Data
        do {
            let file = try path == "-" ? FileHandle.standardInput : FileHandle(forReadingFrom: URL(filePath: path))
            // One more than may be, so that it is seen. An answer of nil is the end before the first byte.
            data = try file.read(upToCount: bytesMax + 1) ?? Data()
        } catch {
            throw Failure(
                .failed, "\(name) can't be read as a register of erasures",
                advice: "give a file that erasures --export wrote")
        }
        guard data.count <= bytesMax else {
            throw Failure(
                .failed, "\(name) is too long for a register of erasures",
                advice: "give one of at most \(bytesMax >> 20) MiB")
        }
        return data
    }
}

extension Erasure {
    /// From its JSON.
    fileprivate init?(_ element: JSONElement) {
        guard let identity = element["identity_id"]?.string.flatMap(UUID.init(uuidString:)),
            case .array(let names)? = element["absorbed"],
            let time = element["erased_at"]?.string.flatMap(Timestamp.init(iso8601:))
        else { return nil }
        let absorbed = names.compactMap { $0.string.flatMap(UUID.init(uuidString:)) }
        guard absorbed.count == names.count else { return nil }
        self.init(identity: identity, absorbed: absorbed, time: time)
    }
}
