"""Actions, proposals and symbols in the form of the protocol."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lsprotocol import types

from pratique.runtime.language_server.actions import Action
from pratique.runtime.language_server.completion import Proposal
from pratique.runtime.language_server.documents import OpenDocument, Positions
from pratique.runtime.language_server.symbols import Symbol

FIX_ALL = f"{types.CodeActionKind.SourceFixAll.value}.pratique"
"""Kind of the action that mends everything: editors can run it when a document is saved."""

KINDS = (types.CodeActionKind.QuickFix.value, FIX_ALL)


def is_wanted(kind: str, only: Sequence[types.CodeActionKind | str] | None) -> bool:
    """Say whether an editor that asks for `only` some kinds wants `kind`, which may lie within one."""
    names = [each.value if isinstance(each, types.CodeActionKind) else each for each in only or ()]
    return not names or any(kind == name or not name or kind.startswith(f"{name}.") for name in names)


def code_action(
    action: Action,
    document: OpenDocument,
    positions: Positions,
    diagnostic: types.Diagnostic | None,
    *,
    versioned: bool,
) -> types.CodeAction:
    """Return an action for an editor; `versioned` where it checks that its text is still the one meant."""
    edits = [
        types.TextEdit(range=positions.range(edit.location.span), new_text=edit.text) for edit in action.edits
    ]
    if versioned:
        which = types.OptionalVersionedTextDocumentIdentifier(uri=document.uri, version=document.version)
        edit = types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(which, edits)])
    else:
        edit = types.WorkspaceEdit(changes={document.uri: edits})
    return types.CodeAction(
        title=action.title,
        kind=types.CodeActionKind.QuickFix if action.finding else FIX_ALL,
        diagnostics=[diagnostic] if diagnostic else None,
        is_preferred=True if action.finding else None,
        edit=edit,
    )


def completion_item(proposal: Proposal, rank: int, positions: Positions) -> types.CompletionItem:
    """Return a proposal for an editor, which shows those of lower `rank` first, deprecated ones last."""
    about = types.MarkupContent(kind=types.MarkupKind.Markdown, value=proposal.about)
    kind = types.CompletionItemKind.Field if proposal.is_field else types.CompletionItemKind.Value
    return types.CompletionItem(
        label=proposal.label,
        kind=kind,
        documentation=about if proposal.about else None,
        deprecated=True if proposal.is_deprecated else None,
        sort_text=f"{int(proposal.is_deprecated)}{rank:03}",
        text_edit=types.TextEdit(range=positions.range(proposal.span), new_text=proposal.text),
    )


def document_symbol(symbol: Symbol, positions: Positions) -> types.DocumentSymbol:
    """Return a symbol with its parts."""
    return types.DocumentSymbol(
        name=symbol.name,
        kind=symbol.kind,
        detail=symbol.detail,
        range=positions.range(symbol.span),
        selection_range=positions.range(symbol.named),
        children=[document_symbol(part, positions) for part in symbol.parts],
    )


def flat_symbols(
    symbol: Symbol, uri: str, positions: Positions, inside: str = ""
) -> Iterator[types.SymbolInformation]:
    """Yield a symbol and its parts one after another, for an editor that knows no parts."""
    yield types.SymbolInformation(
        name=symbol.name,
        kind=symbol.kind,
        location=types.Location(uri=uri, range=positions.range(symbol.span)),
        container_name=inside or None,
    )
    for part in symbol.parts:
        yield from flat_symbols(part, uri, positions, symbol.name)
