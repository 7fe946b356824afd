internal import Foundation
internal import VaultDB

/// Two identities that are one person, or are not.
extension CommandTable {
    static let mergeCommands: [Command] = [
        .work(
            "merge", -4, "org a b [DRYRUN]", .review, role: .admin,
            "Merges identity a into b: what a had is b's, and a redirects to b from then on."
        ) { organization, arguments in
            let (a, b) = (try arguments.id(), try arguments.id())
            let isDryRun = arguments.skip("DRYRUN")
            try arguments.end()
            if isDryRun { return try organization.previewMerge(a, into: b).json }
            return try organization.mergeBlocking(a, into: b).json
        },
        .work(
            "unmerge", 3, "org merge", .review, role: .admin,
            "Undoes a merge; what came since stays with the survivor."
        ) { organization, arguments in
            let merge = try arguments.id("merge")
            return try organization.unmergeBlocking(merge).json
        },
        .work(
            "merges", -2, "org [COUNT count] [BEFORE merge]", .review, role: .reader, flags: .readOnly,
            "The merges that can be undone, newest first."
        ) { organization, arguments in
            let (limit, before) = try arguments.countAndID("BEFORE")
            return .array(try organization.merges(before: before, limit: limit).map(\.json))
        },
        .work(
            "keepapart", 4, "org a b", .review, role: .admin,
            "Settles the open conflicts of two identities: they are two people."
        ) { organization, arguments in
            let (a, b) = (try arguments.id(), try arguments.id())
            return .array(try organization.keepApartBlocking(a, b).map(\.json))
        },
    ]
}
