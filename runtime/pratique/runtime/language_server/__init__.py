"""`pratique lsp`: what is wrong with policies, what they mean and how to mend them, while they are written.

    documents     the text of an editor as a source, and its positions in the editor's units
    neighbours    the policies beside it in the folder, as they are on disk
    analysis      what lint finds in a document together with its neighbours
    diagnostics   findings in the form of the protocol
    cursor        what stands at a place of a document
    hover         what is said about it: images (`hover_images`), demands (`hover_demands`), fields
    actions       what can be done about findings
    completion    what may be written at a place
    symbols       the outline of a document
    protocol      actions, proposals and symbols in the form of the protocol
    rule_pages    manual pages of rules as files that editors can open
    session       what is open, and what was found in it; when to look again
    server        the handlers of the protocol, over standard input and output

Only this package imports `pygls` and `lsprotocol`, which come with the extra `lsp`.

INVARIANT: all questions to the compiler are asked from one thread, since its automata grow on demand.

References: Language Server Protocol 3.17.
"""
