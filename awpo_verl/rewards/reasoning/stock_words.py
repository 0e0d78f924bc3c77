"""Words that appear in the thinking about any request: a sentence of such words says nothing about this request.

Prompts of tool-calling models contain them too ("think step by step", "call the function that the user needs"), so a
shared one does not show that a sentence is about the task. The words are English, like most prompts. Words of less than
4 letters are missing here, because the rubric never counts them as content.
"""

from __future__ import annotations

_WORDS = """
about above according action actions actually additional after again align aligns allow allows already also although
always another answer answers approach appropriate appropriately argument arguments around asked asking asks
assistant available based because been before begin being best better between both break breaking call called
calling calls careful carefully case chance check checked checking choice choose clear clearly complete completely
conclusion confirm consider considering context continue conversation correct correctly could crucial current deep
default describe described description descriptions detail detailed details determine dialogue directly does doing
done double down each either else ensure ensures even every everything exact exactly example expected explicitly
field fields final finally find first fits follow following format formatted from fulfill function functions further
general generate gets getting give given gives goal goals going good great handle have having heavy help helpful
here history however identify important include included includes including indeed information input inputs inside
instead instruction instructions intend intent into issue issues itself just keep kind know known last later least
leave left like likely list listed little logical long look looking looks made make makes making many match matches
maybe mean means mentioned message method might missing moment more most much multiple must name named names
necessary need needed needs next note nothing object once only optional options order original other others
otherwise output over parameter parameters part parts pass perfect perform please point possible precise precisely
problem proceed process properly provide provided provides providing question questions ready really reason
reasoning refer relevant remember request requested requests require required requires respond response responses
result results return returned returns right same search second seem seems select send separate should show simple
simply since single situation solution solve some something sort specific specifically specified specify start
started step steps still straightforward string structure such suitable suits sure system tackle take task tasks
tell text than thank that their them then there therefore these they thing things think thinking third this thorough
thoroughly those though thought thoughts through thus time together tool tools toward towards true turn type types
under understand understanding until upon used user users using usually valid value values various very wait want
wanted wants well were what when where whether which while whole will with within without word words work works
would write your yourself
"""
STOCK_WORDS = frozenset(_WORDS.split())
