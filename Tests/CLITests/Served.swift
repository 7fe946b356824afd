import Foundation
import Glibc
import Testing

/// A started server; where it listens is in its readiness lines.
struct Served {
    let program: Program.Running
    let port: Int
    /// The root of HTTP, such as `http://127.0.0.1:8080`; nil where it is not served.
    let http: String?

    /// - Parameters:
    ///   - http: whether it serves HTTP as well, at a port that the system chooses.
    ///   - wrapper: the words of a program that becomes the server, such as one that takes rights away.
    init(_ place: Workplace, _ words: [String] = [], http isServed: Bool = false, under wrapper: [String] = []) throws {
        let program = try place.start(
            program: wrapper + [Program.path, "serve", "--port", "0"]
                + (isServed ? ["--http-port", "0"] : ["--no-http"]) + words)
        var said: (resp: Substring?, pages: Substring?)
        try program.wait {
            let lines = program.errorsSoFar.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            said.resp = lines.first { $0.hasPrefix("listening on ") }
            said.pages = lines.first { $0.hasPrefix("pages on ") }
            return said.resp != nil && (!isServed || said.pages != nil)
        }
        self.program = program
        port = try #require(said.resp?.split(separator: ":").last.flatMap { Int($0) }, "\(program.errorsSoFar)")
        http = said.pages.map { $0.dropFirst("pages on ".count).replacing("/contacts", with: "") }.map { String($0) }
        try #require((http != nil) == isServed, "\(program.errorsSoFar)")
    }

    func stop() throws -> Program.Result {
        program.signal(SIGTERM)
        return try program.end()
    }
}
